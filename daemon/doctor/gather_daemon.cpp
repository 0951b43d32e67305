// SPDX-License-Identifier: MIT
// The running daemon: what it says of itself, and what the kernel says of its process. And the unit it may run in.
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <charconv>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/file_descriptor.h"
#include "base/paths.h"
#include "client/link_question.h"
#include "doctor/gather.h"
#include "doctor/program.h"

namespace adit::doctor {
namespace {

using nlohmann::json;

constexpr std::chrono::seconds kDaemonPatience{2};
constexpr auto kProperties =
    "--property=LoadState,ActiveState,SubState,Result,ExecMainStatus,NRestarts,MainPID,UnitFileState,"
    "AmbientCapabilities";
constexpr std::string_view kStatusRequest = R"({"command":"status"})";

std::string text_or_empty(const json& value) {
  return value.is_string() ? value.get<std::string>() : std::string();
}

/// The number behind the last colon: of "51820" as of "[fd00::1]:51820".
std::uint16_t port_of(const std::string& listen) {
  const auto digits = listen.substr(listen.rfind(':') + 1);
  std::uint16_t port = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), port);
  return port;
}

std::vector<Observation> observations(const json& status) {
  std::vector<Observation> list;
  for (const auto& each : status.value("observations", json::array())) {
    list.push_back({.kind = each.value("kind", ""),
                    .sentence = each.value("sentence", ""),
                    .from = text_or_empty(each.value("from", json())),
                    .count = each.value("count", std::uint64_t{0}),
                    .last = each.value("last", std::int64_t{0})});
  }
  return list;
}

/// Throws json::exception when something is missing that every version says.
LinkStatus parse(const json& status) {
  const auto& peer = status.at("peer");
  const auto& handshake = peer.at("latest_handshake");
  LinkStatus link{.interface = status.at("interface"),
                  .netns = text_or_empty(status.value("netns", json())),
                  .state = status.at("state"),
                  .reason = status.at("reason"),
                  .since = status.at("since"),
                  .local_key = text_or_empty(status.at("local").at("public_key")),
                  .peer_key = text_or_empty(peer.at("public_key")),
                  .endpoint = text_or_empty(peer.at("endpoint")),
                  .endpoint_source = text_or_empty(peer.at("endpoint_source")),
                  .listen = status.at("local").at("listen"),
                  .device = text_or_empty(status.at("local").value("device", json())),
                  .mtu = status.at("mtu"),
                  .sent_packets = status.at("traffic").at("tx").at("packets"),
                  .received_packets = status.at("traffic").at("rx").at("packets"),
                  .drops = status.at("drops"),
                  .offload = status.at("offload")};
  link.port = port_of(link.listen);
  if (!handshake.is_null()) link.latest_handshake = handshake.get<std::int64_t>();
  for (const auto& route : status.at("routes")) {
    if (const auto to = IpNetwork::parse(route.at("to").get<std::string>())) link.routes.push_back(*to);
  }
  link.observations = observations(status);
  link.changed_by_wg = status.value("changed_by_wg", std::vector<std::string>());
  return link;
}

/// A daemon that was not started with a file has none.
bool was_given_a_file(pid_t process) {
  std::ifstream arguments(fmt::format("/proc/{}/cmdline", process));
  bool any = false;
  for (std::string word; std::getline(arguments, word, '\0'); any = true) {
    if (word.ends_with(".yaml")) return true;
  }
  return !any;
}

/// Who listens at the other end of the socket.
void look_at_process(const std::filesystem::path& socket, DaemonFacts& daemon) {
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  const auto& path = socket.native();
  if (path.size() >= sizeof address.sun_path) return;
  path.copy(address.sun_path, path.size());
  const FileDescriptor fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd || ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return;
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (::getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0 || credentials.pid <= 0) return;
  daemon.pid = credentials.pid;
  daemon.uid = credentials.uid;
  daemon.has_file = was_given_a_file(credentials.pid);
  std::ifstream status(fmt::format("/proc/{}/status", credentials.pid));
  for (std::string word; status >> word;) {
    std::uint64_t mask = 0;
    if (word == "CapEff:" && status >> std::hex >> mask) daemon.capabilities = mask;
  }
}

bool runs_systemd() {
  return ::access("/run/systemd/system", F_OK) == 0;
}

}  // namespace

void gather_daemon(Facts& facts) {
  auto& daemon = facts.daemon;
  const auto answer = client::ask_link(facts.name, kStatusRequest, kDaemonPatience);
  if (!answer) {
    daemon.failure = answer.error().kind;
    daemon.sentence = answer.error().sentence;
  } else {
    try {
      daemon.status = parse(json::parse(*answer).at("status"));
    } catch (const json::exception&) {
      daemon.failure = client::AskFailure::broken;
      daemon.sentence = "its answer was not understood; are adit and aditd of one version?";
    }
  }
  look_at_process(run_directory() / (facts.name + ".sock"), daemon);
}

void gather_unit(Facts& facts) {
  if (!runs_systemd()) {
    facts.unit.why_not = "this host is not run by systemd";
    return;
  }
  const auto said = output_of(
      {"systemctl", "show", "--no-pager", kProperties, fmt::format("adit@{}.service", facts.name)}, kDaemonPatience);
  if (!said) {
    facts.unit.why_not = said.error().message;
    return;
  }
  std::istringstream lines(*said);
  for (std::string line; std::getline(lines, line);) {
    const auto equals = line.find('=');
    if (equals != std::string::npos) facts.unit.properties[line.substr(0, equals)] = line.substr(equals + 1);
  }
}

}  // namespace adit::doctor
