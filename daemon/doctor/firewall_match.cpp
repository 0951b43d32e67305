// SPDX-License-Identifier: MIT
// What is on the left of a match becomes the texts that could stand on the right of it ("51820"; "udp" and "17"), or
// an address; an empty list is what this datagram does not have at all, no list what cannot be known.
#include "doctor/firewall_match.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string>
#include <vector>

namespace adit::doctor {
namespace {

using nlohmann::json;
using Texts = std::vector<std::string>;
using Value = std::optional<Texts>;

Value text_or_unknown(const std::string& text) {
  return text.empty() ? Value() : Value(Texts{text});
}

Value port(std::uint16_t number) {
  return number == 0 ? Value() : Value(Texts{std::to_string(number)});
}

Value address(const IpAddress& address) {
  return address.is_unspecified() ? Value() : Value(Texts{to_string(address)});
}

Value meta(const std::string& key, const Imagined& datagram) {
  const bool input = datagram.hook == Hook::input;
  if (key == "iifname" || key == "iif") return input ? text_or_unknown(datagram.interface) : Value(Texts{});
  if (key == "oifname" || key == "oif") return input ? Value(Texts{}) : text_or_unknown(datagram.interface);
  if (key == "l4proto") return Texts{"udp", "17"};
  if (datagram.remote.address.is_none()) return std::nullopt;
  const bool v4 = datagram.remote.address.is_v4();
  if (key == "nfproto") return v4 ? Texts{"ipv4", "2"} : Texts{"ipv6", "10"};
  if (key == "protocol") return v4 ? Texts{"ip"} : Texts{"ip6"};
  return std::nullopt;
}

Value network_header(const std::string& protocol, const std::string& field, const Imagined& datagram) {
  const auto& remote = datagram.remote.address;
  if (!remote.is_none() && remote.is_v4() != (protocol == "ip")) return Texts{};
  const bool from_remote = datagram.hook == Hook::input;
  if (field == (from_remote ? "saddr" : "daddr")) return address(remote);
  if (field == "protocol" || field == "nexthdr") return Texts{"udp", "17"};
  if (field == "version") return protocol == "ip" ? Texts{"4"} : Texts{"6"};
  return std::nullopt;
}

Value payload(const json& left, const Imagined& datagram) {
  if (!left.contains("protocol")) return std::nullopt;
  const auto protocol = left.at("protocol").get<std::string>();
  const auto field = left.at("field").get<std::string>();
  if (protocol == "udp" || protocol == "th") {
    if (field == "dport") return port(datagram.destination_port());
    if (field == "sport") return port(datagram.source_port());
    return std::nullopt;
  }
  if (protocol == "ip" || protocol == "ip6") return network_header(protocol, field, datagram);
  return protocol == "ether" || protocol == "vlan" || protocol == "arp" ? Value() : Value(Texts{});
}

/// nft writes a list of one now with its brackets, now without.
bool has(const json& list, const char* word) {
  return list == word || (list.is_array() && std::ranges::find(list, word) != list.end());
}

/// What kind of address the routes take it for.
Value fib(const json& asked, const Imagined& datagram) {
  const auto flags = asked.value("flags", json());
  const bool source = has(flags, "saddr");
  if (asked.value("result", "") != "type" || source == has(flags, "daddr")) return std::nullopt;
  const bool ours = source == (datagram.hook == Hook::output);
  return Texts{ours ? "local" : "unicast"};
}

Value value_of(const json& left, const MatchScope& scope) {
  const auto& datagram = scope.datagram;
  if (left.contains("meta")) return meta(left.at("meta").at("key").get<std::string>(), datagram);
  if (left.contains("payload")) return payload(left.at("payload"), datagram);
  if (left.contains("fib")) return fib(left.at("fib"), datagram);
  if (left.contains("ct") && left.at("ct").value("key", "") == "state") {
    return Texts{!scope.tracked ? "invalid" : datagram.established ? "established" : "new"};
  }
  return std::nullopt;
}

std::optional<unsigned> number(const std::string& text) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

std::string text_of(const json& value) {
  if (value.is_string()) return value.get<std::string>();
  return value.is_number_integer() ? std::to_string(value.get<std::int64_t>()) : std::string();
}

Tri equals(const std::string& text, const json& right) {
  const auto other = text_of(right);
  if (other.empty()) return Tri::unknown;
  if (other.ends_with('*')) return text.starts_with(other.substr(0, other.size() - 1)) ? Tri::yes : Tri::no;
  if (other == text) return Tri::yes;
  // A service's name for a port, and the like: not to be told apart from here.
  return number(text) && !number(other) ? Tri::unknown : Tri::no;
}

Tri in_range(const std::string& text, const json& range) {
  const auto low = text_of(range.at(0));
  const auto high = text_of(range.at(1));
  if (const auto value = number(text), first = number(low), last = number(high); value && first && last) {
    return *value >= *first && *value <= *last ? Tri::yes : Tri::no;
  }
  const auto value = IpAddress::parse(text);
  const auto first = IpAddress::parse(low);
  const auto last = IpAddress::parse(high);
  if (!value || !first || !last) return Tri::unknown;
  return *value >= *first && *value <= *last ? Tri::yes : Tri::no;
}

Tri in_prefix(const std::string& text, const json& prefix) {
  const auto network =
      IpNetwork::parse(prefix.at("addr").get<std::string>() + "/" + std::to_string(prefix.at("len").get<unsigned>()));
  const auto value = IpAddress::parse(text);
  if (!network || !value) return Tri::unknown;
  return network->contains(*value) ? Tri::yes : Tri::no;
}

Tri is_one_of(const std::string& text, const json& right, const MatchScope& scope);

Tri any_of(const std::string& text, const json& elements, const MatchScope& scope) {
  auto result = Tri::no;
  for (const auto& element : elements) {
    const auto each = is_one_of(text, element, scope);
    if (each == Tri::yes) return each;
    if (each == Tri::unknown) result = each;
  }
  return result;
}

Tri is_one_of(const std::string& text, const json& right, const MatchScope& scope) {
  if (right.is_array()) return any_of(text, right, scope);
  if (right.is_string() && right.get_ref<const std::string&>().starts_with('@')) {
    const auto* const elements = scope.sets.find(scope.family, scope.table, right.get<std::string>().substr(1));
    return elements == nullptr ? Tri::unknown : any_of(text, *elements, scope);
  }
  if (!right.is_object()) return equals(text, right);
  if (right.contains("set")) return is_one_of(text, right.at("set"), scope);
  if (right.contains("elem")) return is_one_of(text, right.at("elem").at("val"), scope);
  if (right.contains("range")) return in_range(text, right.at("range"));
  if (right.contains("prefix")) return in_prefix(text, right.at("prefix"));
  return Tri::unknown;
}

Tri negated(Tri value) {
  if (value == Tri::unknown) return value;
  return value == Tri::yes ? Tri::no : Tri::yes;
}

/// `fib saddr . iif oif missing`, which firewalld has for IPv6.
bool is_missing_way_back(const json& asked, const json& right, const Imagined& datagram) {
  return asked.value("result", "").starts_with("oif") && has(asked.value("flags", json()), "saddr") && right == false &&
         datagram.hook == Hook::input && !datagram.interface.empty();
}

/// What nobody knows, but this it is not. Every firewall begins with these.
bool is_surely_not(const json& left, const json& right, const MatchScope& scope) {
  if (left.contains("meta")) {
    // Where the peer is called through is not known yet: it is no call of this host to itself.
    static constexpr std::array kInterfaces{"iifname", "iif", "oifname", "oif"};
    return scope.datagram.interface.empty() && right == "lo" &&
           std::ranges::find(kInterfaces, left.at("meta").value("key", "")) != kInterfaces.end();
  }
  // That no route leads back to the source by the interface: it is known by the route there.
  if (left.contains("fib")) return is_missing_way_back(left.at("fib"), right, scope.datagram);
  return left.contains("ct") && left.at("ct").value("key", "") == "status" && has(right, "dnat") &&
         (right.is_string() || right.size() == 1) && !scope.may_be_redirected;
}

}  // namespace

const json* NamedSets::find(const std::string& family, const std::string& table, const std::string& name) const {
  static const json kNothing = json::array();
  for (const auto& object : objects_) {
    if (!object.contains("set")) continue;
    const auto& set = object.at("set");
    if (set.value("family", "") != family || set.value("table", "") != table || set.value("name", "") != name) continue;
    return set.contains("elem") ? &set.at("elem") : &kNothing;
  }
  return nullptr;
}

Tri matches(const json& match, const MatchScope& scope) {
  const auto operation = match.value("op", "==");
  if (is_surely_not(match.at("left"), match.at("right"), scope)) return operation == "!=" ? Tri::yes : Tri::no;
  const auto value = value_of(match.at("left"), scope);
  if (!value) return Tri::unknown;
  if (value->empty()) return Tri::no;  // also with `!=`: the rule is about another kind of packet
  if (operation != "==" && operation != "!=" && operation != "in") return Tri::unknown;
  // All are names of one thing: what one of them is certain about is so.
  auto result = Tri::unknown;
  for (const auto& text : *value) {
    const auto each = is_one_of(text, match.at("right"), scope);
    if (each != Tri::unknown && result != Tri::yes) result = each;
  }
  return operation == "!=" ? negated(result) : result;
}

}  // namespace adit::doctor
