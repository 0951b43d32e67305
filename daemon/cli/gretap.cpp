// SPDX-License-Identifier: MIT
#include "cli/gretap.h"

#include <fmt/core.h>

#include <algorithm>
#include <iterator>
#include <tuple>
#include <utility>

#include "config/fields.h"
#include "config/wg_quick_routes.h"
#include "host/host_plan.h"

namespace adit::cli {
namespace {

using config::Config;

constexpr std::string_view kSuffix = "-tap";
constexpr std::size_t kLongestName = 15;

/// Names that begin alike do not end alike: what a name has in place of its end is a dash and four digits.
std::string name_for(const std::string& interface) {
  auto whole = fmt::format("{}{}", interface, kSuffix);
  if (whole.size() <= kLongestName) return whole;
  constexpr std::size_t kHash = 5;
  const auto hashed = config::interface_name_for(whole);
  return fmt::format("{}{}{}", interface.substr(0, kLongestName - kSuffix.size() - kHash),
                     hashed.substr(hashed.size() - kHash), kSuffix);
}

IpNetwork alone(const IpAddress& address) {
  return {address, static_cast<std::uint8_t>(address.bits())};
}

/// Neither a key nor numbers nor checksums; over IPv6 not the option either that the kernel would put in between.
std::string add_command(const std::string& name, const config::Tap& tap) {
  return fmt::format("ip link add {} type {} local {} remote {}{}", name, tap.ours.is_v4() ? "gretap" : "ip6gretap",
                     to_string(tap.ours), to_string(tap.peers), tap.ours.is_v4() ? "" : " encaplimit none");
}

/// Of the IP packets in the frames: what the interface below has, if the file does not say, less what goes in front.
std::string mtu_command(const std::string& name, const Config& config) {
  if (config.interface.mtu) return fmt::format("ip link set {} mtu {}", name, *config.interface.mtu);
  return fmt::format("ip link set {} mtu $(($(cat /sys/class/net/$ADIT_INTERFACE/mtu) - {}))", name,
                     host::frame_overhead(config));
}

std::vector<config::Hook> hooks_for(const std::string& name, const Config& config) {
  const auto& [interface, tap] = std::tie(config.interface, config.interface.tap);
  std::vector<config::Hook> hooks;
  const auto add = [&hooks](std::string command) {
    hooks.push_back({.words = {std::move(command)}, .shell = true, .required = true});
  };
  // What an `up` that failed has left behind.
  hooks.push_back({.words = {fmt::format("ip link del {} 2>/dev/null", name)}, .shell = true});
  add(add_command(name, tap));
  add(mtu_command(name, config));
  // That of this end as it was; nobody knows what the other one has.
  if (tap.mac != MacAddress()) add(fmt::format("ip link set {} address {}", name, to_string(tap.mac)));
  for (const auto& address : interface.addresses) add(fmt::format("ip addr add {} dev {}", to_string(address), name));
  if (!tap.bridge.empty()) add(fmt::format("ip link set {} master {}", name, tap.bridge));
  add(fmt::format("ip link set {} up", name));
  if (!interface.forward) return hooks;
  // In the families of the addresses above, which are not those below.
  if (config::has_family(interface.addresses, Family::v4)) add("sysctl -w net.ipv4.ip_forward=1");
  if (config::has_family(interface.addresses, Family::v6)) add("sysctl -w net.ipv6.conf.all.forwarding=1");
  return hooks;
}

}  // namespace

std::string put_on_gretap(Config& config) {
  auto& interface = config.interface;
  const auto name = name_for(interface.name);
  auto hooks = hooks_for(name, config);
  std::ranges::move(config.hooks.up, std::back_inserter(hooks));
  config.hooks.up = std::move(hooks);
  config.hooks.down.push_back({.words = {fmt::format("ip link del {}", name)}, .shell = true});
  if (interface.mtu) *interface.mtu += host::frame_overhead(config);
  interface.mode = config::Mode::tun;
  interface.forward = false;
  interface.addresses = {alone(interface.tap.ours)};
  config.routes = {{alone(interface.tap.peers), {}, {}, {}}};
  return name;
}

}  // namespace adit::cli
