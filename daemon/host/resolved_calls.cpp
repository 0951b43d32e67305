// SPDX-License-Identifier: MIT
// org.freedesktop.resolve1.Manager: SetLinkDNS (ia(iay)), SetLinkDomains (ia(sb)), SetLinkDefaultRoute (ib), RevertLink
// (i). What a link has are the properties of its object.
#include "host/resolved_calls.h"

#include <fmt/core.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace adit::host {
namespace {

constexpr const char* kResolver = "org.freedesktop.resolve1";
constexpr const char* kPath = "/org/freedesktop/resolve1";
constexpr const char* kManager = "org.freedesktop.resolve1.Manager";
constexpr const char* kLink = "org.freedesktop.resolve1.Link";
constexpr const char* kLinks = "/org/freedesktop/resolve1/link";

/// Without domains the link's servers are asked for all names, like others'. With domains only for those: unless it is
/// told so, resolved asks them for the rest, too, where none of the domains has a "~".
bool takes_other_names(const config::Dns& dns) {
  return dns.domains.empty() || std::ranges::find(dns.domains, "~.") != dns.domains.end();
}

const char* method_of(ResolvedStep step) {
  switch (step) {
    case ResolvedStep::servers:
      return "SetLinkDNS";
    case ResolvedStep::domains:
      return "SetLinkDomains";
    case ResolvedStep::default_route:
      return "SetLinkDefaultRoute";
    default:
      return "RevertLink";
  }
}

int append_servers(sd_bus_message* message, const std::vector<IpAddress>& servers) {
  int result = sd_bus_message_open_container(message, 'a', "(iay)");
  for (const auto& server : servers) {
    const auto bytes = server.bytes();
    result = std::min(result, sd_bus_message_open_container(message, 'r', "iay"));
    result = std::min(result, sd_bus_message_append(message, "i", server.is_v4() ? AF_INET : AF_INET6));
    result = std::min(result, sd_bus_message_append_array(message, 'y', bytes.data(), bytes.size()));
    result = std::min(result, sd_bus_message_close_container(message));
  }
  return std::min(result, sd_bus_message_close_container(message));
}

int append_domains(sd_bus_message* message, const std::vector<std::string>& domains) {
  int result = sd_bus_message_open_container(message, 'a', "(sb)");
  for (const auto& domain : domains) {
    const bool routing_only = domain.starts_with('~');
    result = std::min(
        result, sd_bus_message_append(message, "(sb)", domain.c_str() + (routing_only ? 1 : 0), routing_only ? 1 : 0));
  }
  return std::min(result, sd_bus_message_close_container(message));
}

BusMessage make_look(sd_bus* bus, std::uint32_t interface) {
  char* path = nullptr;
  if (sd_bus_path_encode(kLinks, std::to_string(interface).c_str(), &path) < 0) return nullptr;
  const std::unique_ptr<char, decltype(&std::free)> owned(path, &std::free);
  sd_bus_message* made = nullptr;
  int result = sd_bus_message_new_method_call(bus, &made, kResolver, path, "org.freedesktop.DBus.Properties", "GetAll");
  BusMessage message(made);
  if (result >= 0) result = sd_bus_message_append(made, "s", kLink);
  // Who only looks does not start it.
  if (result >= 0) result = sd_bus_message_set_auto_start(made, 0);
  return result < 0 ? nullptr : std::move(message);
}

/// What a link has, as far as it was read.
struct Found {
  std::optional<std::vector<IpAddress>> servers;
  std::optional<bool> has_domains;
  std::optional<bool> default_route;
};

/// a(iay)
int read_servers(sd_bus_message* answer, Found& found) {
  std::vector<IpAddress> servers;
  int result = sd_bus_message_enter_container(answer, 'a', "(iay)");
  while (result >= 0 && (result = sd_bus_message_enter_container(answer, 'r', "iay")) > 0) {
    int family = 0;
    const void* bytes = nullptr;
    std::size_t size = 0;
    result = sd_bus_message_read(answer, "i", &family);
    if (result >= 0) result = sd_bus_message_read_array(answer, 'y', &bytes, &size);
    if (result < 0) return result;
    const std::span data(static_cast<const std::uint8_t*>(bytes), size);
    if (size == 4) servers.push_back(IpAddress::v4(data.first<4>()));
    if (size == 16) servers.push_back(IpAddress::v6(data.first<16>()));
    result = sd_bus_message_exit_container(answer);
  }
  if (result < 0) return result;
  found.servers = std::move(servers);
  return sd_bus_message_exit_container(answer);
}

/// One property's variant.
int read_property(sd_bus_message* answer, std::string_view name, Found& found) {
  const char* contents = nullptr;
  char type = 0;
  int result = sd_bus_message_peek_type(answer, &type, &contents);
  if (result < 0) return result;
  const bool servers = name == "DNS" && std::strcmp(contents, "a(iay)") == 0;
  const bool domains = name == "Domains" && std::strcmp(contents, "a(sb)") == 0;
  const bool route = name == "DefaultRoute" && std::strcmp(contents, "b") == 0;
  if (!servers && !domains && !route) return sd_bus_message_skip(answer, "v");
  result = sd_bus_message_enter_container(answer, 'v', contents);
  if (result < 0) return result;
  if (servers) {
    result = read_servers(answer, found);
  } else if (domains) {
    result = sd_bus_message_enter_container(answer, 'a', "(sb)");
    if (result >= 0) found.has_domains = sd_bus_message_at_end(answer, 0) == 0;
    while (result >= 0 && sd_bus_message_at_end(answer, 0) == 0) result = sd_bus_message_skip(answer, "(sb)");
    if (result >= 0) result = sd_bus_message_exit_container(answer);
  } else {
    int value = 0;
    result = sd_bus_message_read(answer, "b", &value);
    if (result >= 0) found.default_route = value != 0;
  }
  return result < 0 ? result : sd_bus_message_exit_container(answer);
}

int read_link(sd_bus_message* answer, Found& found) {
  int result = sd_bus_message_enter_container(answer, 'a', "{sv}");
  while (result >= 0 && (result = sd_bus_message_enter_container(answer, 'e', "sv")) > 0) {
    const char* name = nullptr;
    result = sd_bus_message_read(answer, "s", &name);
    if (result >= 0) result = read_property(answer, name, found);
    if (result >= 0) result = sd_bus_message_exit_container(answer);
  }
  return result;
}

/// Whatever the order, and how often each is there: resolved keeps each once.
bool same(const std::vector<IpAddress>& a, const std::vector<IpAddress>& b) {
  const auto covers = [](const auto& all, const auto& some) {
    return std::ranges::all_of(some, [&all](const auto& one) { return std::ranges::find(all, one) != all.end(); });
  };
  return covers(a, b) && covers(b, a);
}

/// What to do about it, where there is something.
std::string_view mend_of(std::string_view error) {
  if (error == SD_BUS_ERROR_ACCESS_DENIED || error == SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED) {
    return "; the user that aditd runs as needs polkitd and a rule for it (docs/configuration.md, dns)";
  }
  if (error == SD_BUS_ERROR_SERVICE_UNKNOWN || error == SD_BUS_ERROR_NAME_HAS_NO_OWNER ||
      error == "org.freedesktop.systemd1.NoSuchUnit") {
    return "; install and start systemd-resolved, or set name servers with a hook in place of the section dns";
  }
  return "";
}

}  // namespace

BusMessage make_call(sd_bus* bus, ResolvedStep step, std::uint32_t interface, const config::Dns& dns) {
  if (step == ResolvedStep::look) return make_look(bus, interface);
  sd_bus_message* made = nullptr;
  int result = sd_bus_message_new_method_call(bus, &made, kResolver, kPath, kManager, method_of(step));
  BusMessage message(made);
  if (result < 0) return nullptr;
  result = sd_bus_message_append(made, "i", static_cast<int>(interface));
  if (step == ResolvedStep::servers) result = std::min(result, append_servers(made, dns.servers));
  if (step == ResolvedStep::domains) result = std::min(result, append_domains(made, dns.domains));
  if (step == ResolvedStep::default_route) {
    result = std::min(result, sd_bus_message_append(made, "b", takes_other_names(dns) ? 1 : 0));
  }
  return result < 0 ? nullptr : std::move(message);
}

bool is_as_told(sd_bus_message* answer, const config::Dns& dns) {
  Found found;
  if (sd_bus_message_get_error(answer) != nullptr || read_link(answer, found) < 0) return true;
  // Domains are compared no further: resolved has its own way of writing them.
  return same(found.servers.value_or(dns.servers), dns.servers) &&
         found.has_domains.value_or(!dns.domains.empty()) == !dns.domains.empty() &&
         found.default_route.value_or(takes_other_names(dns)) == takes_other_names(dns);
}

std::string resolved_error(const sd_bus_error& error) {
  return fmt::format("systemd-resolved does not take the name servers: {}{}",
                     error.message != nullptr ? error.message : error.name, mend_of(error.name));
}

}  // namespace adit::host
