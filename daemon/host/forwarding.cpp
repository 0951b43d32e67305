// SPDX-License-Identifier: MIT
// A host that forwards IPv6 stops listening to routers (accept_ra = 1), and forgets the default route it has from them:
// interfaces that listen are told to go on with it all the same (accept_ra = 2) before.
#include "host/forwarding.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <system_error>

#include "base/file_descriptor.h"

namespace adit::host {
namespace {

constexpr std::string_view kV4 = "net/ipv4/ip_forward";
constexpr std::string_view kV6 = "net/ipv6/conf/all/forwarding";
constexpr std::string_view kInterfacesV6 = "net/ipv6/conf";

std::map<std::string, std::string> read_note(const std::filesystem::path& file) {
  std::map<std::string, std::string> values;
  std::ifstream lines(file);
  for (std::string line; std::getline(lines, line);) {
    const auto sign = line.find('=');
    if (sign != std::string::npos) values[line.substr(0, sign)] = line.substr(sign + 1);
  }
  return values;
}

/// "net.ipv4.ip_forward" of "net/ipv4/ip_forward"; an interface may have dots of its own, so those become slashes.
std::string sysctl_name(std::string name) {
  for (auto& c : name) c = c == '/' ? '.' : c == '.' ? '/' : c;
  return name;
}

}  // namespace

void Forwarding::set(const std::vector<Family>& families) {
  auto before = read_note(note());
  const auto targets = wanted(families);
  const auto others = notes_of_others();
  // What is not wanted any more goes back first, the switch before what was done for it.
  for (const auto& [setting, value] : before) {
    const bool stays =
        targets.contains(setting) || (setting.ends_with("accept_ra") && targets.contains(std::string(kV6)));
    if (!stays && !others.contains(setting)) std::ignore = write(setting, value);
  }
  std::erase_if(before, [&](const auto& each) {
    return !targets.contains(each.first) && !(each.first.ends_with("accept_ra") && targets.contains(std::string(kV6)));
  });
  for (const auto& [setting, value] : targets) {
    if (setting == kV6 && read(setting) != value) keep_router_advertisements(before);
    std::ignore = switch_on(setting, value, before);
  }
  for (const auto& [setting, value] : others) {
    if (targets.contains(setting)) before.emplace(setting, value);
  }
  write_note(before);
}

Forwarding::Values Forwarding::wanted(const std::vector<Family>& families) const {
  Values values;
  for (const auto family : families) values.emplace(family == Family::v4 ? kV4 : kV6, "1");
  return values;
}

void Forwarding::keep_router_advertisements(Values& before) {
  std::error_code none;
  for (std::filesystem::directory_iterator at(settings_ / kInterfacesV6, none), end; !none && at != end;
       at.increment(none)) {
    const auto interface = at->path().filename().string();
    if (interface == "all" || interface == "default" || interface == "lo") continue;
    const auto setting = std::string(kInterfacesV6) + "/" + interface + "/accept_ra";
    if (read(setting) == "1" && write(setting, "2")) before.emplace(setting, "1");
  }
}

bool Forwarding::switch_on(const std::string& setting, const std::string& value, Values& before) {
  const auto now = read(setting);
  if (now == value) return true;
  if (write(setting, value)) {
    before.emplace(setting, now.empty() ? "0" : now);
    log_.info("interface.forward: {} is {} while this link is there", sysctl_name(setting), value);
    return true;
  }
  log_.warn(
      "interface.forward: {} may not be changed from here ({}): as root, write `{} = {}` into "
      "/etc/sysctl.d/90-adit.conf and run `sysctl --system`",
      sysctl_name(setting), std::generic_category().message(errno), sysctl_name(setting), value);
  return false;
}

std::string Forwarding::read(const std::string& setting) const {
  std::ifstream file(settings_ / setting);
  std::string value;
  std::getline(file, value);
  return value;
}

bool Forwarding::write(const std::string& setting, const std::string& value) const {
  const FileDescriptor fd(::open((settings_ / setting).c_str(), O_WRONLY | O_CLOEXEC));
  return fd && ::write(fd.get(), value.data(), value.size()) == static_cast<ssize_t>(value.size());
}

Forwarding::Values Forwarding::notes_of_others() const {
  Values values;
  std::error_code none;
  for (std::filesystem::directory_iterator at(notes_, none), end; !none && at != end; at.increment(none)) {
    if (at->path().extension() != ".forward" || at->path() == note()) continue;
    values.merge(read_note(at->path()));
  }
  return values;
}

/// Without one a run that follows would take our own setting for the host's.
void Forwarding::write_note(const Values& before) const {
  std::error_code ignored;
  if (before.empty()) {
    std::filesystem::remove(note(), ignored);
    return;
  }
  std::ofstream file(note(), std::ios::trunc);
  for (const auto& [setting, value] : before) file << setting << '=' << value << '\n';
}

}  // namespace adit::host
