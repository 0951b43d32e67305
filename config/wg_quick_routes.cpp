// SPDX-License-Identifier: MIT
#include "config/wg_quick_routes.h"

#include <fmt/core.h>

#include <algorithm>
#include <iterator>

#include "config/fields.h"

namespace adit::config {
namespace {

bool is_plain(const Route& route) {
  return !route.metric && !route.table && !route.source;
}

std::string command_of(const Route& route) {
  auto command = fmt::format("ip route add {} dev %i", to_string(route.to));
  if (route.source) command += fmt::format(" src {}", to_string(*route.source));
  if (route.metric) command += fmt::format(" metric {}", *route.metric);
  if (route.table) command += fmt::format(" table {}", *route.table);
  return command;
}

/// Takes `word` and the space behind it away from the start of `text`.
bool take(std::string_view& text, std::string_view word) {
  if (!text.starts_with(word)) return false;
  text.remove_prefix(word.size());
  return true;
}

/// The value of an option such as " metric 5", if the text goes on with it; false if the value is wrong.
template <class T>
bool take_option(std::string_view& text, std::string_view option, std::optional<T>& value,
                 Result<T> (*parse)(std::string_view)) {
  if (!take(text, option)) return true;
  const auto word = text.substr(0, text.find(' '));
  text.remove_prefix(word.size());
  const auto parsed = parse(word);
  if (parsed) value = *parsed;
  return parsed.has_value();
}

Result<std::uint32_t> parse_metric(std::string_view text) {
  const auto number = parse_number(text);
  if (!number || *number < 1 || *number > UINT32_MAX) return fail("is no metric");
  return static_cast<std::uint32_t>(*number);
}

/// Those that wg-quick makes by itself and this interface can have; a default route also of a family that it has no
/// address of, which blocks that.
std::vector<IpNetwork> automatic(const Config& config) {
  std::vector<IpNetwork> routed;
  for (const auto& network : config.peer.allowed_ips) {
    const auto& addresses = config.interface.addresses;
    const bool can_have = network.prefix == 0 || can_route(addresses, network);
    if (can_have && !is_within(addresses, network)) routed.push_back(network);
  }
  std::ranges::sort(routed);
  return routed;
}

/// The table if all routes are in one, and are just what wg-quick would put there.
std::optional<std::uint32_t> common_table(const Config& config) {
  if (config.routes.empty() || !config.routes[0].table) return std::nullopt;
  const auto table = *config.routes[0].table;
  std::vector<IpNetwork> routed;
  for (const auto& route : config.routes) {
    if (route != Route{route.to, {}, table, {}}) return std::nullopt;
    routed.push_back(route.to);
  }
  auto allowed = config.peer.allowed_ips;
  std::erase_if(allowed, [&](const auto& net) { return !can_route(config.interface.addresses, net); });
  std::ranges::sort(routed);
  std::ranges::sort(allowed);
  return routed == allowed ? std::optional(table) : std::nullopt;
}

}  // namespace

bool is_within(const std::vector<IpNetwork>& addresses, const IpNetwork& network) {
  return std::ranges::any_of(
      addresses, [&](const IpNetwork& own) { return own.prefix <= network.prefix && own.contains(network.address); });
}

bool has_family(const std::vector<IpNetwork>& addresses, Family family) {
  return std::ranges::find(addresses, family, &IpNetwork::family) != addresses.end();
}

bool can_route(const std::vector<IpNetwork>& addresses, const IpNetwork& network) {
  return network.prefix > 0 || has_family(addresses, network.family());
}

std::optional<DraftRoute> route_of_command(std::string_view command, const Place& place) {
  if (!take(command, "ip route add ")) return std::nullopt;
  const auto to = parse_subnet(command.substr(0, command.find(' ')));
  if (!to) return std::nullopt;
  command.remove_prefix(std::min(command.find(' '), command.size()));
  if (!take(command, " dev %i")) return std::nullopt;
  DraftRoute route{*to, {}, {}, {}};
  std::optional<IpAddress> source;
  std::optional<std::uint32_t> metric;
  const bool understood = take_option(command, " src ", source, parse_host_address) &&
                          take_option(command, " metric ", metric, parse_metric) &&
                          take_option(command, " table ", route.table, parse_table) && command.empty();
  if (!understood) return std::nullopt;
  if (source) route.source = {*source, place};
  if (metric) route.metric = {*metric, place};
  return route;
}

WgQuickRoutes wg_quick_routes(const Config& config) {
  const auto wanted = automatic(config);
  std::vector<IpNetwork> plain;
  for (const auto& route : config.routes) {
    if (is_plain(route)) plain.push_back(route.to);
  }
  std::ranges::sort(plain);
  std::vector<IpNetwork> made;
  WgQuickRoutes result;
  if (const auto table = common_table(config)) {
    result.table = std::to_string(*table);
    return result;
  }
  const auto add_commands = [&](auto&& is_needed) {
    for (const auto& route : config.routes) {
      if (is_needed(route)) result.commands.push_back(command_of(route));
    }
  };
  // Only wg-quick itself makes a default route that spares the encrypted packets.
  const bool by_wg_quick = plain == wanted || std::ranges::any_of(config.routes, &Route::is_default_of_host);
  if (!by_wg_quick) {
    result.table = "off";
    add_commands([](const Route&) { return true; });
    return result;
  }
  const auto is_made = [&](const Route& route) {
    return !route.metric && route.table.value_or(kMainTable) == kMainTable &&
           std::ranges::binary_search(wanted, route.to);
  };
  add_commands([&](const Route& route) { return !is_made(route); });
  for (const auto& route : config.routes) {
    if (!is_made(route)) continue;
    made.push_back(route.to);
    if (route.source) result.sourceless.push_back(route.to);
  }
  std::ranges::sort(made);
  std::ranges::set_difference(wanted, made, std::back_inserter(result.besides));
  return result;
}

}  // namespace adit::config
