// SPDX-License-Identifier: MIT
// The values of fields.h that are addresses: what a host can own, listen at, and be reached at.
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <optional>

#include "config/fields.h"
#include "config/idn.h"
#include "config/wording.h"

namespace adit::config {
namespace {

constexpr std::size_t kMaxHostName = 253;  // RFC 1035 §2.3.4, without the root's dot
constexpr std::size_t kMaxLabel = 63;

bool is_in(std::string_view network, const IpAddress& address) {
  const auto parsed = IpNetwork::parse(network);
  return parsed && parsed->contains(address);
}

bool is_loopback(const IpAddress& address) {
  return is_in("127.0.0.0/8", address) || is_in("::1/128", address);
}

bool is_v4_mapped(const IpAddress& address) {
  return is_in("::ffff:0:0/96", address);
}

/// Why no single host can have this address, or nothing.
std::optional<std::string_view> not_a_hosts(const IpAddress& address) {
  if (address.is_unspecified()) return "is the unspecified address, which no host has";
  if (address.is_multicast()) return "is a multicast address, which no single host has";
  if (is_in("255.255.255.255/32", address)) return "is the broadcast address, which no single host has";
  if (is_v4_mapped(address)) return "is an IPv4 address in IPv6 clothes; write it as IPv4";
  return std::nullopt;
}

bool is_broadcast(const IpNetwork& network) {
  for (unsigned bit = network.prefix; bit < network.address.bits(); ++bit) {
    if ((network.address.bytes()[bit / 8] & (0x80u >> (bit % 8))) == 0) return false;
  }
  return true;
}

enum class Underscores : std::uint8_t { refused, taken };

bool is_label(std::string_view label, Underscores underscores) {
  const auto allowed = [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '-' ||
           (c == '_' && underscores == Underscores::taken);
  };
  return !label.empty() && label.size() <= kMaxLabel && std::ranges::all_of(label, allowed) && label.front() != '-' &&
         label.back() != '-';
}

/// An underscore is in no host's name by the book (RFC 1123), and in many by the name server.
bool is_host_name(std::string_view name, Underscores underscores = Underscores::taken) {
  if (name.ends_with('.')) name.remove_suffix(1);
  if (name.empty() || name.size() > kMaxHostName) return false;
  std::string_view last;
  for (std::size_t start = 0; start <= name.size();) {
    const auto dot = std::min(name.find('.', start), name.size());
    last = name.substr(start, dot - start);
    if (!is_label(last, underscores)) return false;
    start = dot + 1;
  }
  // A last label of digits is a mistyped address: there is no such top-level domain (RFC 3696 §2).
  return !std::ranges::all_of(last, is_digit);
}

struct HostAndPort {
  std::string_view host;
  std::string_view port;
  bool bracketed = false;
};

/// Splits HOST:PORT and [ADDR6]:PORT at the last colon; nothing if there is none, or a lone bracket.
std::optional<HostAndPort> split_port(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  HostAndPort parts{text.substr(0, colon), text.substr(colon + 1)};
  parts.bracketed = parts.host.size() >= 2 && parts.host.front() == '[' && parts.host.back() == ']';
  if (parts.bracketed) parts.host = parts.host.substr(1, parts.host.size() - 2);
  if (parts.host.find_first_of("[]") != std::string_view::npos) return std::nullopt;
  return parts;
}

/// An IPv6 address without brackets, so that nobody can tell its end from the port.
bool lacks_brackets(std::string_view text) {
  return std::ranges::count(text, ':') > 1 && text.find('[') == std::string_view::npos;
}

/// HOST of "http://HOST:PORT/path", and what else stands in a browser's line; nothing if it is no URL.
std::optional<std::string_view> host_of_url(std::string_view text) {
  const auto scheme = text.find("://");
  if (scheme == std::string_view::npos) return std::nullopt;
  text.remove_prefix(scheme + 3);
  text = text.substr(0, text.find_first_of("/?"));
  return text.substr(text.rfind('@') + 1);
}

/// With brackets, and with the usual port where `text` has none; both ways to read it if it can be read in two.
std::string bracketed_forms(std::string_view text) {
  const auto colon = text.rfind(':');
  const auto address = text.substr(0, colon);
  const bool has_port =
      IpAddress::parse(address.substr(0, address.find('%'))) && std::ranges::all_of(text.substr(colon + 1), is_digit);
  const bool is_whole = IpAddress::parse(text).has_value();
  const auto with_port = fmt::format("[{}]{}", text.substr(0, colon), text.substr(colon));
  const auto whole = fmt::format("[{}]:51820", text);
  if (has_port && is_whole) return fmt::format("\"{}\", or \"{}\" if it has no port yet", with_port, whole);
  if (has_port) return fmt::format("\"{}\"", with_port);
  return is_whole ? fmt::format("\"{}\", with the port that the peer listens at", whole) : "\"[ADDR6]:PORT\"";
}

/// "HOST:PORT" of "HOST PORT", "HOST: PORT", "[HOST]:PORT" and "HOST:PORT/udp"; nothing if it is something else.
std::optional<std::string> with_colon(std::string_view written) {
  auto text = written;
  for (const std::string_view protocol : {"/udp", "/UDP", "/tcp"}) {
    if (text.ends_with(protocol)) text.remove_suffix(protocol.size());
  }
  const auto digits = text.find_last_not_of("0123456789");
  if (digits == std::string_view::npos || digits + 1 >= text.size()) return std::nullopt;
  const auto port = text.substr(digits + 1);
  auto host = text.substr(0, text.find_last_not_of(": ", digits) + 1);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  const bool is_v6 = IpAddress::parse(host.substr(0, host.find('%'))).value_or(IpAddress()).is_v6();
  if (host.size() == digits + 1 || (!is_v6 && !parse_host(host))) return std::nullopt;
  const auto form = is_v6 ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
  if (form == written) return std::nullopt;
  return is_v6 ? fmt::format("\"{}\"", form) : form;
}

/// The usual mistakes, each with the form to write; nothing if it is none of them.
std::optional<Error> better_endpoint(std::string_view text) {
  const auto as_error = [](std::string message) { return Error{std::move(message)}; };
  if (const auto host = host_of_url(text)) {
    const bool has_port = host->rfind(':') != std::string_view::npos && host->back() != ']';
    return as_error(fmt::format("{} is a URL; write HOST:PORT, without {}: {}{}", shown(text),
                                text.substr(0, text.find("://") + 3), *host, has_port ? "" : ":51820"));
  }
  const auto gap = text.find_first_of(", ;");
  if (gap != std::string_view::npos && text.substr(0, gap).contains(':') && text.substr(gap).contains(':')) {
    return as_error(
        fmt::format("{} is more than one HOST:PORT; make it a list: [{}]", shown(text), "HOST:PORT, HOST:PORT"));
  }
  if (lacks_brackets(text)) {
    return as_error(
        fmt::format("{} needs brackets around the IPv6 address: write {}", shown(text), bracketed_forms(text)));
  }
  if (const auto better = with_colon(text)) {
    return as_error(fmt::format("{} is not of the form HOST:PORT; write {}", shown(text), *better));
  }
  if (text.contains('/'))
    return as_error(fmt::format("{} has a '/' in it; write HOST:PORT, no prefix and no path", shown(text)));
  return std::nullopt;
}

std::unexpected<Error> without_port(std::string_view text) {
  if (text.ends_with(':')) text.remove_suffix(1);
  const bool is_bracketed = text.starts_with('[') && text.ends_with(']');
  const bool is_host = is_bracketed || parse_host(text).has_value();
  return fail("{} has no port; write HOST:PORT, such as {}:51820", shown(text),
              is_host ? text : std::string_view("vpn.example.net"));
}

/// The address between an endpoint's brackets, with its zone.
Result<std::string> parse_bracketed(std::string_view host, std::string_view text) {
  const auto percent = host.find('%');
  const auto address = IpAddress::parse(host.substr(0, percent));
  if (!address || !address->is_v6()) return fail("{} has no IPv6 address between its brackets", shown(text));
  if (const auto why = not_a_hosts(*address)) return fail("{} {}", shown(text), *why);
  if (percent == std::string_view::npos) return to_string(*address);
  if (!address->is_link_local()) {
    return fail("{} has a zone, which only a link-local address (fe80::…) needs; leave the % and what follows out",
                shown(text));
  }
  const auto zone = parse_device(host.substr(percent + 1));
  if (!zone) return fail("{}: behind the %, {}", shown(text), zone.error().message);
  return fmt::format("{}%{}", to_string(*address), *zone);
}

}  // namespace

namespace {

/// "10.9.0.1/24" of "10.9.0.1/255.255.255.0"
std::optional<std::string> prefix_of_mask(std::string_view text) {
  const auto slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto address = IpAddress::parse(text.substr(0, slash));
  const auto mask = IpAddress::parse(text.substr(slash + 1));
  if (!address || !mask || !address->is_v4() || !mask->is_v4()) return std::nullopt;
  for (std::uint8_t prefix = 0; prefix <= 32; ++prefix) {
    constexpr std::array<std::uint8_t, 4> kOnes{255, 255, 255, 255};
    if (IpNetwork{IpAddress::v4(kOnes), prefix}.network().address == *mask)
      return to_string(IpNetwork{*address, prefix});
  }
  return std::nullopt;
}

}  // namespace

Result<IpAddress> parse_name_server(std::string_view text) {
  const auto address = IpAddress::parse(text);
  if (!address) return fail("{} is not an IP address; write one such as 10.9.0.2, without a port", shown(text));
  if (const auto why = not_a_hosts(*address)) return fail("{} {}", shown(text), *why);
  return *address;
}

Result<std::string> parse_domain(std::string_view text) {
  if (text == kAllNames) return std::string(text);
  auto name = text;
  if (name.starts_with('~')) name.remove_prefix(1);
  if (!is_host_name(name, Underscores::refused)) {
    return fail("{} is not a domain; write one such as example.com, \"~example.com\", or \"~.\" for all names",
                shown(text));
  }
  if (text.ends_with('.')) text.remove_suffix(1);
  return std::string(text);
}

Result<std::uint16_t> parse_port(std::string_view text) {
  const auto number = parse_number(text);
  if (!number || text.starts_with("0x")) return fail("{} is not a port number; write 1 to 65535", shown(text));
  if (*number > 65535) return fail("port {} is out of range; ports end at 65535", shown(text));
  return static_cast<std::uint16_t>(*number);
}

Result<IpAddress> parse_host_address(std::string_view text) {
  const auto address = IpAddress::parse(text);
  if (!address) return fail("{} is not an IP address; write one such as 10.9.0.1 or fd09::1, no prefix", shown(text));
  if (const auto why = not_a_hosts(*address)) return fail("{} {}", shown(text), *why);
  if (is_loopback(*address)) return fail("{} is a loopback address; choose one that is the tunnel's own", shown(text));
  return *address;
}

Result<IpNetwork> parse_interface_address(std::string_view text) {
  const auto network = IpNetwork::parse(text);
  if (const auto better = prefix_of_mask(text)) return fail("{} has a netmask; write {}", shown(text), *better);
  if (!network) {
    return fail("{} is not an address with a prefix; write one such as 10.9.0.1/30 or fd09::1/126", shown(text));
  }
  if (network->prefix == 0)
    return fail("{} spans the whole Internet; give the subnet's prefix, such as /30", shown(text));
  if (const auto host = parse_host_address(to_string(network->address)); !host) return std::unexpected(host.error());
  // With one host bit or none every address is a host's (RFC 3021, RFC 6164).
  if (network->prefix + 1u >= network->address.bits()) return *network;
  if (!network->has_host_bits()) {
    return fail("{} is the subnet itself; write the address this end has in it", shown(text));
  }
  if (network->address.is_v4() && is_broadcast(*network)) {
    return fail("{} is the subnet's broadcast address; write the address this end has in it", shown(text));
  }
  return *network;
}

Result<IpNetwork> parse_subnet(std::string_view text) {
  const auto network = IpNetwork::parse(text);
  if (const auto better = prefix_of_mask(text)) return fail("{} has a netmask; write {}", shown(text), *better);
  if (!network) return fail("{} is not a subnet; write one such as 192.168.20.0/24 or fd20::/64", shown(text));
  if (network->has_host_bits()) {
    return fail("{} has bits set behind its prefix; did you mean {}?", shown(text), to_string(network->network()));
  }
  if (is_v4_mapped(network->address)) return fail("{} is IPv4 in IPv6 clothes; write it as IPv4", shown(text));
  return *network;
}

Result<Listen> parse_listen(std::string_view text) {
  if (std::ranges::all_of(text, is_digit)) {
    const auto port = parse_port(text);
    if (!port) return std::unexpected(port.error());
    return Listen{{}, *port};
  }
  if (IpAddress::parse(text)) {
    return fail("{} has no port; write ADDR:PORT or \"[ADDR6]:PORT\", such as \"{}:51820\"", shown(text),
                lacks_brackets(text) ? fmt::format("[{}]", text) : std::string(text));
  }
  if (lacks_brackets(text)) {
    return fail("{} needs brackets around the IPv6 address: write {}", shown(text), bracketed_forms(text));
  }
  const auto parts = split_port(text);
  const auto address = parts ? IpAddress::parse(parts->host) : std::nullopt;
  if (!address || address->is_v6() != parts->bracketed) {
    return fail("{} is no place to listen; write PORT, ADDR:PORT or [ADDR6]:PORT, addresses and not names",
                shown(text));
  }
  const auto port = parse_port(parts->port);
  if (!port) return std::unexpected(port.error());
  // Unspecified is fine here: it means all addresses of one family.
  if (const auto why = not_a_hosts(*address); why && !address->is_unspecified())
    return fail("{} {}", shown(text), *why);
  return Listen{*address, *port};
}

Result<std::string> parse_host(std::string_view text) {
  if (const auto address = IpAddress::parse(text)) {
    if (address->is_v6()) return fail("{} needs brackets: [{}]", shown(text), text);
    if (const auto why = not_a_hosts(*address)) return fail("{} {}", shown(text), *why);
    return to_string(*address);
  }
  const auto name = to_ascii_name(text);
  if (!name || !is_host_name(*name)) {
    return fail("{} is neither an IP address nor a host name (letters, digits, '-', '_' and '.')", shown(text));
  }
  return *name;
}

Result<EndpointName> parse_endpoint(std::string_view text) {
  if (const auto better = better_endpoint(text)) return std::unexpected(*better);
  const auto parts = split_port(text);
  if (!parts || parts->port.empty()) return without_port(text);
  const auto port = parse_port(parts->port);
  if (!port) return std::unexpected(port.error());
  if (*port == 0) return fail("port 0 cannot be reached; write the port the peer listens at");
  if (!parts->bracketed) {
    auto host = parse_host(parts->host);
    if (!host) return std::unexpected(host.error());
    return EndpointName{std::move(*host), *port};
  }
  auto host = parse_bracketed(parts->host, text);
  if (!host) return std::unexpected(host.error());
  return EndpointName{std::move(*host), *port};
}

}  // namespace adit::config
