// SPDX-License-Identifier: MIT
#include "host/host_plan.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>

namespace adit::host {
namespace {

/// The upper half tells Adit's numbers from small ones that people choose by hand; of the lower half the two bits that
/// Kubernetes takes for its own are left out.
constexpr std::uint32_t kNumberBase = 0x0ad1'0000;
constexpr std::uint32_t kNumberMask = 0x3fff;

/// The n-th peer address of a family is the far end of the n-th address of that family.
std::vector<net::InterfaceAddress> addresses_with_peers(const config::Interface& interface) {
  std::map<Family, std::vector<IpAddress>> peers;
  for (const auto& peer : interface.peer_addresses) peers[peer.family()].push_back(peer);
  std::map<Family, std::size_t> seen;
  std::vector<net::InterfaceAddress> addresses;
  for (const auto& network : interface.addresses) {
    const auto& of_family = peers[network.family()];
    const auto place = seen[network.family()]++;
    addresses.push_back({.network = network, .peer = place < of_family.size() ? of_family[place] : IpAddress{}});
  }
  return addresses;
}

}  // namespace

net::TunOptions tun_options(const config::Config& config) {
  const auto& interface = config.interface;
  return {.name = interface.name,
          .owner = interface.owner,
          .group = interface.group,
          .persist = interface.persist,
          .offload = config.tuning.tun_offload != config::Switch::off};
}

net::ListenOptions listen_options(const config::Config& config) {
  const auto& local = config.local;
  const auto& tuning = config.tuning;
  return {.address = local.listen.address,
          .port = local.listen.port,
          .device = local.device,
          .fwmark = datagram_mark(config),
          .offload = tuning.udp_offload != config::Switch::off,
          .receive_buffer = tuning.receive_buffer,
          .send_buffer = tuning.send_buffer};
}

std::string to_text(const net::ListenOptions& options) {
  return fmt::format("{} {} {} {} {} {} {}", to_string(options.address), options.port, options.device.value_or(""),
                     options.fwmark.value_or(0), options.offload, options.receive_buffer.value_or(0),
                     options.send_buffer.value_or(0));
}

InterfaceSettings interface_settings(const config::Config& config, std::uint32_t mtu) {
  InterfaceSettings settings{.mtu = mtu,
                             .queue_length = config.interface.queue_length,
                             .multicast = config.interface.multicast,
                             .addresses = addresses_with_peers(config.interface)};
  for (const auto& route : config.routes) {
    if (route.is_default_of_host()) continue;
    settings.routes.push_back({.to = route.to, .metric = route.metric, .table = route.table, .source = route.source});
  }
  return settings;
}

std::vector<Family> default_families(const config::Config& config) {
  std::vector<Family> families;
  for (const auto& route : config.routes) {
    if (route.is_default_of_host() && std::ranges::find(families, route.to.family()) == families.end()) {
      families.push_back(route.to.family());
    }
  }
  return families;
}

std::optional<std::uint32_t> datagram_mark(const config::Config& config) {
  if (config.local.fwmark.value_or(0) != 0) return config.local.fwmark;
  return default_families(config).empty() ? std::nullopt : std::optional(link_number(config.name));
}

std::uint32_t link_number(std::string_view name) {
  // FNV-1a: any function that spreads names would do, as long as it never changes.
  std::uint32_t hash = 2'166'136'261;
  for (const char letter : name) hash = (hash ^ static_cast<std::uint8_t>(letter)) * 16'777'619;
  return kNumberBase | ((hash ^ hash >> 16) & kNumberMask);
}

bool carries_v6(const config::Config& config) {
  return std::ranges::any_of(config.interface.addresses,
                             [](const auto& address) { return address.family() == Family::v6; });
}

std::string listen_text(const config::Listen& listen, std::uint16_t port) {
  return listen.address.is_none() ? std::to_string(port) : to_string(Endpoint{listen.address, port, 0});
}

}  // namespace adit::host
