// SPDX-License-Identifier: MIT
// A host that forwards IPv6 stops listening to routers (accept_ra = 1), and forgets the default route it has from them:
// interfaces that listen are told to go on with it all the same (accept_ra = 2) before.
#include "host/forwarding.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <sstream>
#include <string_view>
#include <system_error>

#include "base/file_descriptor.h"
#include "host/note.h"

namespace adit::host {
namespace {

constexpr std::string_view kV4 = "net/ipv4/ip_forward";
constexpr std::string_view kV6 = "net/ipv6/conf/all/forwarding";
constexpr std::string_view kInterfacesV6 = "net/ipv6/conf";

/// net/ipv6/conf/INTERFACE/accept_ra
bool is_of_an_interface(std::string_view setting) {
  const std::filesystem::path path(setting);
  const auto interface = path.parent_path().filename();
  return path.filename() == "accept_ra" && path.parent_path().parent_path() == kInterfacesV6 && interface != "." &&
         interface != "..";
}

/// Whoever can write a note must not have other files written by it than those that are noted here.
bool is_ours(std::string_view setting, std::string_view value) {
  const bool is_number = !value.empty() && value.find_first_not_of("0123456789") == std::string_view::npos;
  return is_number && (setting == kV4 || setting == kV6 || is_of_an_interface(setting));
}

std::map<std::string, std::string> read_values(const std::filesystem::path& note) {
  std::map<std::string, std::string> values;
  std::istringstream lines(read_note(note));
  for (std::string line; std::getline(lines, line);) {
    const auto sign = std::min(line.find('='), line.size());
    const auto setting = line.substr(0, sign);
    const auto value = line.substr(std::min(sign + 1, line.size()));
    if (is_ours(setting, value)) values[setting] = value;
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
  auto before = read_values(note());
  const auto targets = wanted(families);
  const auto others = notes_of_others();
  // What is not wanted any more goes back first, the switch before what was done for it.
  std::erase_if(before, [&](const auto& each) {
    const auto& [setting, value] = each;
    const bool stays =
        targets.contains(setting) || (setting.ends_with("accept_ra") && targets.contains(std::string(kV6)));
    return !stays && (others.contains(setting) || put_back(setting, value));
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

void Forwarding::take_back(const std::string& bridge) {
  if (bridge.empty()) return set({});
  const auto others = notes_of_others();
  for (const auto& [setting, value] : read_values(note())) {
    if (setting.ends_with("accept_ra") || others.contains(setting) || read(setting) == value) continue;
    log_.info(
        "interface.forward: {0} stays as it is without this link, since guests behind {1} may rely on it: `sysctl -w "
        "{0}={2}` takes it back",
        sysctl_name(setting), bridge, value);
  }
  write_note({});
}

void Forwarding::links_changed() {
  auto before = read_values(note());
  if (!before.contains(std::string(kV6))) return;
  const auto noted = before;
  // There may be a new one for each container that starts.
  std::error_code none;
  std::erase_if(before, [&](const auto& each) { return !std::filesystem::exists(settings_ / each.first, none); });
  keep_router_advertisements(before, false);
  if (before != noted) write_note(before);
}

/// A card, or what leads to a provider: PPP, a VLAN.
bool Forwarding::is_uplink(const std::string& interface) const {
  std::error_code none;
  if (std::filesystem::exists(devices_ / interface / "device", none)) return true;
  std::ifstream file(devices_ / interface / "uevent");
  for (std::string line; std::getline(file, line);) {
    if (line == "DEVTYPE=ppp" || line == "DEVTYPE=vlan") return true;
  }
  return false;
}

Forwarding::Values Forwarding::wanted(const std::vector<Family>& families) const {
  Values values;
  for (const auto family : families) values.emplace(family == Family::v4 ? kV4 : kV6, "1");
  return values;
}

void Forwarding::keep_router_advertisements(Values& before, bool of_all) {
  std::error_code none;
  for (std::filesystem::directory_iterator at(settings_ / kInterfacesV6, none), end; !none && at != end;
       at.increment(none)) {
    const auto interface = at->path().filename().string();
    if (interface == "all" || interface == "default" || interface == "lo") continue;
    const auto setting = std::string(kInterfacesV6) + "/" + interface + "/accept_ra";
    if (read(setting) == "1" && (of_all || is_uplink(interface)) && write(setting, "2")) before.emplace(setting, "1");
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

/// False: it could not be done, and the note stays for a run that can. An interface that is gone has nothing to be put
/// back.
bool Forwarding::put_back(const std::string& setting, const std::string& value) {
  if (write(setting, value) || errno == ENOENT) return true;
  log_.warn("interface.forward: {0} cannot be put back to {1} ({2}): as root, `sysctl {0}={1}`", sysctl_name(setting),
            value, std::generic_category().message(errno));
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
    values.merge(read_values(at->path()));
  }
  return values;
}

/// Without one a run that follows would take our own setting for the host's.
void Forwarding::write_note(const Values& before) const {
  if (before.empty()) return remove_note(note());
  std::string text;
  for (const auto& [setting, value] : before) text += fmt::format("{}={}\n", setting, value);
  host::write_note(note(), text);
}

}  // namespace adit::host
