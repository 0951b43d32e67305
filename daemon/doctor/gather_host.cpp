// SPDX-License-Identifier: MIT
// This host apart from its network's layout: capabilities, devices, kernel settings, clock, the folder of state.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/timex.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/file_descriptor.h"
#include "base/paths.h"
#include "doctor/as_user.h"
#include "doctor/gather.h"
#include "net/io.h"
#include "net/system.h"
#include "service/state_store.h"

namespace adit::doctor {
namespace {

constexpr const char* kTunDevice = "/dev/net/tun";

template <class Number>
std::optional<Number> number_in(const std::filesystem::path& file) {
  std::ifstream input(file);
  Number number{};
  return input >> number ? std::optional(number) : std::nullopt;
}

std::optional<bool> switch_in(const std::filesystem::path& file) {
  const auto number = number_in<int>(file);
  return number ? std::optional(*number != 0) : std::nullopt;
}

/// `setting` of every interface, and of "all".
std::map<std::string, int> of_interfaces(const std::filesystem::path& folder, const char* setting) {
  std::map<std::string, int> values;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (const auto value = number_in<int>(entry.path() / setting)) values[entry.path().filename()] = *value;
  }
  return values;
}

std::uint64_t own_capabilities() {
  std::ifstream status("/proc/self/status");
  std::uint64_t mask = 0;
  for (std::string word; status >> word;) {
    if (word == "CapEff:" && status >> std::hex >> mask) return mask;
  }
  return 0;
}

/// The first one maps all users to themselves.
bool in_user_namespace() {
  std::ifstream map("/proc/self/uid_map");
  std::uint64_t inside = 0;
  std::uint64_t outside = 0;
  std::uint64_t count = 0;
  if (!(map >> inside >> outside >> count)) return false;
  return inside != 0 || outside != 0 || count != 4'294'967'295;
}

/// IpInAddrErrors: among others, what came for another host while forwarding was off.
std::optional<std::uint64_t> misdirected_packets() {
  std::ifstream file("/proc/net/snmp");
  std::string names;
  std::string values;
  while (std::getline(file, names) && std::getline(file, values)) {
    if (!names.starts_with("Ip:")) continue;
    std::istringstream name_list(names);
    std::istringstream value_list(values);
    std::string name;
    std::string value;
    while (name_list >> name && value_list >> value) {
      if (name == "InAddrErrors") return std::stoull(value);
    }
  }
  return std::nullopt;
}

void look_at_tun(HostFacts& host) {
  const FileDescriptor fd(::open(kTunDevice, O_RDWR | O_NONBLOCK | O_CLOEXEC));
  if (fd) return;
  const int error = errno;
  host.tun_problem = fmt::format("{}: {}", kTunDevice, net::describe(error));
  host.tun_mend = error == EACCES || error == EPERM
                      ? "run aditd as root, or let its user read and write the device (in a container: allow it)"
                      : "load the tun module (`modprobe tun`), or in a container pass the device in";
}

/// A clock that nobody disciplines says so, where the kernel is asked.
std::optional<bool> clock_is_synchronised() {
  timex state{};
  const int result = ::adjtimex(&state);
  if (result < 0) return std::nullopt;
  return result != TIME_ERROR && (state.status & STA_UNSYNC) == 0;
}

/// Why `folder` cannot be written by the user this process is now; empty: it can. One that is missing is made at
/// start, if its parent lets it.
std::string write_problem(const std::filesystem::path& folder) {
  struct stat about{};
  if (::stat(folder.c_str(), &about) != 0) {
    if (errno == ENOENT && folder.has_relative_path()) return write_problem(folder.parent_path());
    return fmt::format("{}: {}", folder.string(), net::describe(errno));
  }
  if (!S_ISDIR(about.st_mode)) return fmt::format("{} is not a folder", folder.string());
  if (::faccessat(AT_FDCWD, folder.c_str(), W_OK | X_OK, AT_EACCESS) == 0) return {};
  return fmt::format("{}: {}", folder.string(), net::describe(errno));
}

}  // namespace

void gather_host(Facts& facts) {
  auto& host = facts.host;
  host.is_root = ::geteuid() == 0;
  host.capabilities = own_capabilities();
  host.in_user_namespace = in_user_namespace();
  look_at_tun(host);
  const std::filesystem::path sys("/proc/sys/net");
  host.has_ipv6 = std::filesystem::exists("/proc/net/if_inet6");
  host.ipv6_disabled = of_interfaces(sys / "ipv6/conf", "disable_ipv6");
  host.forwards_v4 = switch_in(sys / "ipv4/ip_forward");
  host.forwards_v6 = switch_in(sys / "ipv6/conf/all/forwarding");
  host.misdirected = misdirected_packets();
  host.rp_filter = of_interfaces(sys / "ipv4/conf", "rp_filter");
  host.src_valid_mark = of_interfaces(sys / "ipv4/conf", "src_valid_mark");
  host.proxy_arp = of_interfaces(sys / "ipv4/conf", "proxy_arp");
  host.rmem_max = number_in<std::uint64_t>(sys / "core/rmem_max");
  host.wmem_max = number_in<std::uint64_t>(sys / "core/wmem_max");
  host.now = net::SystemWallClock().now();
  host.clock_synchronised = clock_is_synchronised();
}

void gather_state_directory(Facts& facts) {
  auto& host = facts.host;
  const auto folder = state_directory() / facts.name;
  host.state_directory = folder.string();
  const auto& user = facts.daemon.uid;
  if (!host.is_root && user != ::geteuid()) {
    host.state_unknown = "only root may look into the folder of state";
    return;
  }
  const auto saved = service::StateStore(folder, service::read_boot_id()).read();
  if (saved.timestamp != noise::Tai64n{}) host.saved_timestamp = saved.timestamp.to_wall_time();
  if (user && *user != 0 && host.is_root) {
    const AsUser guard(*user);
    host.state_problem = write_problem(folder);
  } else {
    host.state_problem = write_problem(folder);
  }
}

}  // namespace adit::doctor
