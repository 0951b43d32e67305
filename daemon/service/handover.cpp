// SPDX-License-Identifier: MIT
#include "service/handover.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <map>
#include <system_error>
#include <utility>

#include "base/descriptor_limit.h"
#include "service/session_bytes.h"

namespace adit::service {
namespace {

/// Whoever cannot read the lines of the facts, which are NAME=VALUE, does not read on.
constexpr std::string_view kFirstLine = "adit handover 6";
constexpr std::size_t kLongestBoot = 64;
constexpr std::size_t kLongestFacts = 1024;
/// The standard ones, those passed on, a copy of each, and what the program needs to be executed.
constexpr rlim_t kFewestDescriptors = 16;
/// All queues of the interface that are read have one name. A release that knows of one takes the last it is given,
/// whichever that is, closes the others, and has the service manager let go of them all. Any of them left over would
/// get its share of the flows, and nobody would read it.
constexpr const char* kTun = "tun";

/// The most important first.
std::array<std::pair<const char*, FileDescriptor Estate::*>, 5> parts() {
  return {{{kTun, &Estate::tun},
           {"udp4", &Estate::udp4},
           {"udp6", &Estate::udp6},
           {"session", &Estate::session},
           {"queue", &Estate::tun_writer}}};
}

/// All that is there, by name, should there not be room for all: several queues are of little use without the writer.
std::vector<std::pair<const char*, int>> contents_of(const Estate& estate) {
  std::vector<std::pair<const char*, int>> list;
  for (const auto& [name, part] : parts()) {
    if (const auto& fd = estate.*part) list.emplace_back(name, fd.get());
  }
  for (const auto& queue : estate.tun_queues) list.emplace_back(kTun, queue.get());
  return list;
}

std::string describe(int error) {
  return std::generic_category().message(error);
}

std::string hex_of(Bytes bytes) {
  std::string text;
  for (const auto byte : bytes) text += fmt::format("{:02x}", byte);
  return text;
}

std::string lines_of(const SessionFacts& facts) {
  const auto& link = facts.link;
  const auto generation = link.address_generation ? std::to_string(*link.address_generation) : "";
  return fmt::format(
      "{}\nboot={}\nendpoints={}\ntun_existed={:d}\ntun_moved={:d}\nlink_mtu={}\nlink_queue={}\nlink_up={:d}\n"
      "link_multicast={:d}\nlink_address_generation={}\nlink_bridge={}\nbridge={}\nmtu={}\nsuspended={}\n"
      "down_ran={:d}\nsession={:016x}\n\n",
      kFirstLine, facts.boot, hex_of(facts.endpoints), facts.tun_existed, facts.tun_moved, link.mtu, link.queue_length,
      link.up, link.multicast, generation, link.bridge, facts.bridge, facts.mtu, facts.suspended.count(),
      facts.down_ran, session_layout());
}

/// The values by their names.
class Lines {
 public:
  explicit Lines(std::string_view text) {
    while (!text.empty()) {
      const auto line = text.substr(0, text.find('\n'));
      text.remove_prefix(std::min(line.size() + 1, text.size()));
      const auto sign = std::min(line.find('='), line.size());
      values_.emplace(line.substr(0, sign), line.substr(std::min(sign + 1, line.size())));
    }
  }
  std::string_view text(std::string_view name) const {
    const auto found = values_.find(name);
    return found == values_.end() ? std::string_view() : found->second;
  }
  bool flag(std::string_view name) const { return text(name) == "1"; }
  template <class Number>
  std::optional<Number> number(std::string_view name, int base = 10) const {
    const auto value = text(name);
    Number number{};
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number, base);
    if (error != std::errc() || end != value.data() + value.size()) return std::nullopt;
    return number;
  }

 private:
  std::map<std::string_view, std::string_view> values_;
};

std::optional<SessionFacts> parse_facts(const Lines& lines) {
  SessionFacts facts;
  facts.boot = lines.text("boot");
  const auto endpoints = lines.text("endpoints");
  if (endpoints.size() != 2 * facts.endpoints.size()) return std::nullopt;
  for (std::size_t i = 0; i < facts.endpoints.size(); ++i) {
    const auto* const digits = endpoints.data() + 2 * i;
    const auto [end, error] = std::from_chars(digits, digits + 2, facts.endpoints[i], 16);
    if (error != std::errc() || end != digits + 2) return std::nullopt;
  }
  facts.tun_existed = lines.flag("tun_existed");
  facts.tun_moved = lines.flag("tun_moved");
  facts.link.mtu = lines.number<std::uint32_t>("link_mtu").value_or(0);
  facts.link.queue_length = lines.number<std::uint32_t>("link_queue").value_or(0);
  facts.link.up = lines.flag("link_up");
  facts.link.multicast = lines.flag("link_multicast");
  facts.link.address_generation = lines.number<std::uint8_t>("link_address_generation");
  facts.link.bridge = lines.number<std::uint32_t>("link_bridge").value_or(0);
  facts.bridge = lines.number<std::uint32_t>("bridge").value_or(0);
  // A release that does not say when it was last at work: then any suspend may have been since.
  facts.suspended = Duration(lines.number<Duration::rep>("suspended").value_or(0));
  facts.down_ran = lines.flag("down_ran");
  const auto mtu = lines.number<std::uint32_t>("mtu");
  if (!mtu) return std::nullopt;
  facts.mtu = *mtu;
  return facts;
}

}  // namespace

Estate take_estate() {
  Estate estate;
  const char* const listed = std::getenv("LISTEN_FDNAMES");
  std::string_view names = listed == nullptr ? "" : listed;
  const int count = sd_listen_fds(0);  // also sees to it that no child gets them
  for (int i = 0; i < count; ++i) {
    FileDescriptor descriptor(SD_LISTEN_FDS_START + i);
    const auto name = names.substr(0, names.find(':'));
    names.remove_prefix(std::min(name.size() + 1, names.size()));
    const auto all = parts();
    const auto* const known = std::ranges::find_if(all, [&](const auto& part) { return part.first == name; });
    if (name == kTun && estate.tun) {
      estate.tun_queues.push_back(std::move(descriptor));
    } else if (known != all.end()) {
      estate.*(known->second) = std::move(descriptor);
    }
  }
  for (const auto* variable : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"}) unsetenv(variable);
  return estate;
}

Result<FileDescriptor> make_session_file() {
  FileDescriptor memory(memfd_create("adit-session", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!memory) return fail("cannot make a file in memory for the session: {}", describe(errno));
  return memory;
}

Result<> write_session(const FileDescriptor& memory, const tunnel::SavedTunnel& saved, const SessionFacts& facts) {
  const auto lines = lines_of(facts);
  if (facts.boot.size() > kLongestBoot || facts.boot.find('\n') != std::string::npos || lines.size() > kLongestFacts) {
    return fail("the session's facts are too long");
  }
  SessionBytes session(saved);
  const std::array<iovec, 2> parts{iovec{.iov_base = const_cast<char*>(lines.data()), .iov_len = lines.size()},
                                   iovec{.iov_base = session.bytes().data(), .iov_len = session.bytes().size()}};
  const auto written = ::writev(memory.get(), parts.data(), static_cast<int>(parts.size()));
  if (written != static_cast<ssize_t>(lines.size() + session.bytes().size())) {
    return fail("cannot write the session: {}", describe(errno));
  }
  // It can be emptied, and nothing else can be done to it.
  if (fcntl(memory.get(), F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
    return fail("cannot seal the session: {}", describe(errno));
  }
  return {};
}

std::optional<SessionFacts> consume_session(const FileDescriptor& memory, tunnel::SavedTunnel& saved, Instant now) {
  if (!memory) return std::nullopt;
  SessionBytes content(kLongestFacts + SessionBytes::size_of_session());
  const auto size = ::pread(memory.get(), content.bytes().data(), content.bytes().size(), 0);
  // Unless it is empty now, somebody else may read it after us.
  if (ftruncate(memory.get(), 0) != 0 || size <= 0) return std::nullopt;
  const auto all = Bytes(content.bytes()).first(static_cast<std::size_t>(size));
  const std::string_view text(reinterpret_cast<const char*>(all.data()), all.size());
  const auto end = text.find("\n\n");
  if (end == std::string_view::npos || !text.starts_with(kFirstLine)) return std::nullopt;
  const Lines lines(text.substr(0, end));
  auto facts = parse_facts(lines);
  if (facts && lines.number<std::uint64_t>("session", 16) == session_layout()) {
    facts->session = read_session(all.subspan(end + 2), saved, now);
  }
  return facts;
}

bool store(const Estate& estate) {
  for (const auto& [name, fd] : contents_of(estate)) {
    const auto message = fmt::format("FDSTORE=1\nFDNAME={}", name);
    if (sd_pid_notify_with_fds(0, 0, message.c_str(), &fd, 1) <= 0) return false;
  }
  // Returns when the manager has taken all that was sent before it: what we close then is kept.
  return sd_notify_barrier(0, 5'000'000) >= 0;
}

void empty_store() {
  for (const auto& [name, part] : parts()) {
    sd_notify(0, fmt::format("FDSTOREREMOVE=1\nFDNAME={}", name).c_str());
  }
  sd_notify_barrier(0, 5'000'000);
}

std::optional<Error> why_no_successor(std::size_t queues) {
  const auto needed = kFewestDescriptors + (queues < 2 ? 0 : 2 * queues);
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < needed) {
    return Error{fmt::format("a new run takes {} descriptors, and {} are allowed (ulimit -n)", needed, limit.rlim_cur)};
  }
  return std::nullopt;
}

Error become(const Estate& estate, const std::vector<std::string>& arguments) {
  std::string names;
  std::vector<FileDescriptor> copies;  // above all places they are to go to
  const auto contents = contents_of(estate);
  const auto above_passed = SD_LISTEN_FDS_START + static_cast<int>(contents.size());
  for (const auto& [name, fd] : contents) {
    copies.emplace_back(fcntl(fd, F_DUPFD_CLOEXEC, above_passed));
    if (!copies.back()) return Error{fmt::format("cannot copy a descriptor: {}", describe(errno))};
    names += fmt::format("{}{}", names.empty() ? "" : ":", name);
  }
  for (std::size_t i = 0; i < copies.size(); ++i) {
    dup2(copies[i].get(), SD_LISTEN_FDS_START + static_cast<int>(i));  // without close-on-exec
  }
  setenv("LISTEN_PID", std::to_string(getpid()).c_str(), 1);
  setenv("LISTEN_FDS", std::to_string(copies.size()).c_str(), 1);
  setenv("LISTEN_FDNAMES", names.c_str(), 1);
  std::vector<char*> argv;
  for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  // It raises it by itself, and is to know what it was.
  const UsualDescriptorLimit usual;
  // By its name first: the file may be a newer one by now.
  if (arguments[0].find('/') != std::string::npos) execv(argv[0], argv.data());
  execv("/proc/self/exe", argv.data());
  return Error{fmt::format("cannot start {} anew: {}", arguments[0], describe(errno))};
}

}  // namespace adit::service
