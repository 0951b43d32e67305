// SPDX-License-Identifier: MIT
// Interfaces, addresses and routes of this host, and the port of local.listen.
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <unistd.h>

#include <charconv>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/paths.h"
#include "doctor/gather.h"
#include "host/bypass.h"
#include "host/host_plan.h"
#include "host/link_number.h"
#include "host/policy_routing.h"
#include "net/netlink_address.h"
#include "net/netlink_bridge.h"
#include "net/netlink_link.h"
#include "net/network_namespace.h"

namespace adit::doctor {
namespace {

/// Like a process table, `/proc` changes while it is read, and others' processes may not be looked into.
using Directory = std::filesystem::directory_iterator;

std::string name_of(const std::vector<InterfaceFacts>& interfaces, std::uint32_t index) {
  for (const auto& each : interfaces) {
    if (each.index == index) return each.name;
  }
  return {};
}

std::vector<InterfaceFacts> interfaces(net::Netlink& netlink) {
  std::vector<InterfaceFacts> list;
  std::map<std::string, std::uint32_t> bridges;
  auto* const all = ::if_nameindex();
  if (all == nullptr) return list;
  for (const auto* each = all; each->if_index != 0; ++each) {
    const auto link = net::get_link(netlink, each->if_index);
    const auto addresses = net::list_addresses(netlink, each->if_index);
    if (!link || !addresses) continue;  // gone meanwhile
    InterfaceFacts found{.name = each->if_name, .index = each->if_index, .up = link->up, .mtu = link->mtu};
    found.is_tun = std::filesystem::exists(fmt::format("/sys/class/net/{}/tun_flags", found.name));
    for (const auto& address : *addresses) found.addresses.push_back(address.address.network);
    if (const auto bridge = net::get_bridge_state(netlink, each->if_index)) {
      found.is_bridge = bridge->is_bridge;
      found.stp = bridge->stp;
      found.port_state = bridge->port_state;
    }
    bridges.emplace(found.name, link->bridge);
    list.push_back(std::move(found));
  }
  ::if_freenameindex(all);
  for (auto& each : list) each.bridge = name_of(list, bridges[each.name]);
  return list;
}

/// Of one socket in /proc/net/udp or udp6 (Documentation/networking/proc_net_tcp.rst).
struct SocketLine {
  std::uint16_t port = 0;
  std::uint64_t inode = 0;
  std::uint64_t drops = 0;
};

std::vector<SocketLine> udp_sockets() {
  std::vector<SocketLine> list;
  for (const auto* const path : {"/proc/net/udp", "/proc/net/udp6"}) {
    std::ifstream file(path);
    std::string line;
    std::getline(file, line);  // the heading
    while (std::getline(file, line)) {
      std::istringstream words(line);
      std::vector<std::string> fields{std::istream_iterator<std::string>(words), {}};
      if (fields.size() < 13) continue;
      const auto digits = fields[1].substr(fields[1].rfind(':') + 1);
      SocketLine socket;
      std::from_chars(digits.data(), digits.data() + digits.size(), socket.port, 16);
      socket.inode = std::strtoull(fields[9].c_str(), nullptr, 10);
      socket.drops = std::strtoull(fields[12].c_str(), nullptr, 10);
      list.push_back(socket);
    }
  }
  return list;
}

bool has_socket(const std::filesystem::path& process, std::uint64_t inode) {
  const auto wanted = fmt::format("socket:[{}]", inode);
  std::error_code error;
  for (const auto& entry : Directory(process / "fd", error)) {
    if (std::filesystem::read_symlink(entry.path(), error) == wanted) return true;
  }
  return false;
}

std::string owner_of(std::uint64_t inode) {
  if (inode == 0) return "the kernel itself, such as a WireGuard interface";
  std::error_code error;
  for (const auto& entry : Directory("/proc", error)) {
    const auto pid = entry.path().filename().string();
    if (pid.find_first_not_of("0123456789") != std::string::npos || !has_socket(entry.path(), inode)) continue;
    std::string name;
    std::getline(std::ifstream(entry.path() / "comm"), name);
    return fmt::format("{} (process {})", name, pid);
  }
  return "a process that cannot be seen from here";
}

/// Opens the sockets as the daemon would, and lets them go at once.
void try_port(const config::Config& config, PortFacts& port) {
  auto options = host::listen_options(config);
  options.fwmark.reset();  // needs a capability that an ordinary user does not have, and says nothing about the port
  options.offload = false;
  if (options.device && ::if_nametoindex(options.device->c_str()) == 0) options.device.reset();  // judge_way tells
  port.tried = true;
  if (const auto opened = net::open_udp(options); !opened) port.problem = opened.error().message;
}

/// Of the network namespace that this thread is in.
NetworkFacts look_around() {
  NetworkFacts network;
  auto netlink = net::Netlink::open();
  if (!netlink) return {.why_not = netlink.error().message};
  network.interfaces = interfaces(*netlink);
  for (const auto family : {Family::v4, Family::v6}) {
    const auto routes = net::list_routes(*netlink, {.family = family});
    if (!routes) {
      network.why_not = net::describe(routes.error());
      return network;
    }
    for (const auto& found : *routes) {
      const auto table = found.route.table.value_or(RT_TABLE_MAIN);
      if (table == RT_TABLE_LOCAL) continue;
      network.routes.push_back({.to = found.route.to,
                                .interface = name_of(network.interfaces, found.interface),
                                .metric = found.route.metric.value_or(0),
                                .table = table});
    }
  }
  return network;
}

NetworkFacts look_into(const std::string& netns) {
  const auto there = net::NetworkNamespace::open(netns);
  if (!there) return {.why_not = there.error().message};
  const auto visit = there->enter();
  if (!visit) return {.why_not = visit.error().message};
  auto network = look_around();
  // What kind of interface it is stands in /sys, which shows our own namespace.
  for (auto& each : network.interfaces) each.is_tun = true;
  return network;
}

}  // namespace

void gather_network(Facts& facts) {
  facts.network = look_around();
  if (auto netlink = net::Netlink::open()) {
    const auto number = host::look_up_link_number(run_directory() / ".numbers", facts.name);
    facts.network.blocked = host::PolicyRouting::is_blocked(*netlink, number);
    const auto* const interface = facts.network.find(facts.interface_name());
    if (facts.config() != nullptr && facts.status() != nullptr && interface != nullptr) {
      auto& config = *facts.file_facts.config;
      config.number = number;
      const auto options = host::policy_options(config, interface->index, host::literal_endpoints(config));
      facts.network.bypasses = host::find_bypasses(*netlink, options, run_directory() / ".numbers").sentences;
    }
  }
  if (const auto netns = facts.netns(); !netns.empty()) facts.elsewhere = look_into(netns);
}

void gather_port(Facts& facts) {
  const auto* const config = facts.config();
  auto& port = facts.port;
  const bool daemon_is_there = facts.daemon.pid.has_value();
  if (config != nullptr && !daemon_is_there) try_port(*config, port);
  const auto number = facts.status() != nullptr ? facts.status()->port
                      : config != nullptr       ? config->local.listen.port
                                                : 0;
  if (number == 0 || (!port.problem && !daemon_is_there)) return;
  for (const auto& socket : udp_sockets()) {
    if (socket.port != number) continue;
    if (port.problem) port.owners.push_back(owner_of(socket.inode));
    if (daemon_is_there) port.overflows = port.overflows.value_or(0) + socket.drops;
  }
}

}  // namespace adit::doctor
