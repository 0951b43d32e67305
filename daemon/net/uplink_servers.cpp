// SPDX-License-Identifier: MIT
// resolv.conf(5): `nameserver ADDRESS`, the keyword at the start of its line.
#include "net/uplink_servers.h"

#include <algorithm>
#include <array>

namespace adit::net {
namespace {

constexpr std::array<std::string_view, 2> kResolvedItself{"127.0.0.53", "127.0.0.54"};
constexpr std::string_view kBlank = " \t\r";

/// "fe80::1%eth0" with its interface.
std::vector<std::string_view> servers_in(std::string_view text) {
  constexpr std::string_view keyword = "nameserver";
  std::vector<std::string_view> servers;
  while (!text.empty()) {
    const auto end = text.find('\n');
    auto line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (!line.starts_with(keyword)) continue;
    line.remove_prefix(keyword.size());
    const auto begin = line.find_first_not_of(kBlank);
    if (begin == 0 || begin == std::string_view::npos) continue;
    line.remove_prefix(begin);
    servers.push_back(line.substr(0, line.find_first_of(kBlank)));
  }
  return servers;
}

bool is_resolved_itself(std::string_view server) {
  return std::ranges::find(kResolvedItself, server) != kResolvedItself.end();
}

/// Not every c-ares takes them from the file (scoped_servers.h).
bool has_interface(std::string_view server) {
  return server.find('%') != std::string_view::npos;
}

}  // namespace

UplinkServers choose_uplink_servers(std::string_view resolv_conf, std::string_view resolveds_list,
                                    const std::vector<IpAddress>& own) {
  UplinkServers chosen;
  auto servers = servers_in(resolv_conf);
  if (std::ranges::any_of(servers, is_resolved_itself)) {
    auto others = servers_in(resolveds_list);
    if (others.empty()) return {};
    chosen.of_resolved = true;
    servers = std::move(others);
  }
  const auto is_own = [&own](std::string_view server) {
    const auto address = IpAddress::parse(server);
    return address && std::ranges::find(own, *address) != own.end();
  };
  if (std::ranges::none_of(servers, is_own) && std::ranges::none_of(servers, has_interface)) return chosen;
  for (const auto& server : servers) {
    if (is_own(server)) continue;
    if (!chosen.list.empty()) chosen.list += ',';
    chosen.list += server;
  }
  return chosen.list.empty() ? UplinkServers{} : chosen;
}

}  // namespace adit::net
