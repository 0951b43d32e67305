// SPDX-License-Identifier: MIT
#include "base/ip.h"

#include <arpa/inet.h>
#include <fmt/core.h>

#include <algorithm>
#include <charconv>

namespace adit {
namespace {

template <class Int>
std::optional<Int> parse_decimal(std::string_view text, unsigned max) {
  // from_chars alone would take "007" and "+7" variants that other tools read differently.
  if (text.empty() || (text.size() > 1 && text[0] == '0')) return std::nullopt;
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value > max) return std::nullopt;
  return static_cast<Int>(value);
}

}  // namespace

IpAddress IpAddress::v4(std::span<const std::uint8_t, 4> bytes) {
  IpAddress address;
  address.family_ = Family::v4;
  std::ranges::copy(bytes, address.bytes_.begin());
  return address;
}

IpAddress IpAddress::v6(std::span<const std::uint8_t, 16> bytes) {
  IpAddress address;
  address.family_ = Family::v6;
  std::ranges::copy(bytes, address.bytes_.begin());
  return address;
}

IpAddress IpAddress::any(Family family) {
  IpAddress address;
  address.family_ = family;
  return address;
}

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  const std::string terminated(text);
  if (terminated.size() != std::char_traits<char>::length(terminated.c_str())) return std::nullopt;
  std::array<std::uint8_t, 16> bytes{};
  if (inet_pton(AF_INET, terminated.c_str(), bytes.data()) == 1) return v4(std::span(bytes).first<4>());
  if (inet_pton(AF_INET6, terminated.c_str(), bytes.data()) == 1) return v6(bytes);
  return std::nullopt;
}

bool IpAddress::is_unspecified() const {
  return std::ranges::all_of(bytes_, [](std::uint8_t byte) { return byte == 0; });
}

bool IpAddress::is_link_local() const {
  if (is_v4()) return bytes_[0] == 169 && bytes_[1] == 254;
  return is_v6() && bytes_[0] == 0xfe && (bytes_[1] & 0xc0) == 0x80;
}

bool IpAddress::is_multicast() const {
  if (is_v4()) return (bytes_[0] & 0xf0) == 0xe0;
  return is_v6() && bytes_[0] == 0xff;
}

bool IpAddress::is_loopback() const {
  if (is_v4()) return bytes_[0] == 127;
  return is_v6() && bytes_[15] == 1 &&
         std::ranges::all_of(std::span(bytes_).first<15>(), [](auto byte) { return byte == 0; });
}

std::string to_string(const IpAddress& address) {
  if (address.is_none()) return "none";
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(address.is_v4() ? AF_INET : AF_INET6, address.bytes().data(), text.data(), text.size());
  return text.data();
}

std::optional<IpNetwork> IpNetwork::parse(std::string_view text) {
  const auto slash = text.find('/');
  const auto address = IpAddress::parse(text.substr(0, slash));
  if (!address) return std::nullopt;
  if (slash == std::string_view::npos) return IpNetwork{*address, static_cast<std::uint8_t>(address->bits())};
  const auto prefix = parse_decimal<std::uint8_t>(text.substr(slash + 1), address->bits());
  if (!prefix) return std::nullopt;
  return IpNetwork{*address, *prefix};
}

IpNetwork IpNetwork::network() const {
  std::array<std::uint8_t, 16> bytes{};
  std::ranges::copy(address.bytes(), bytes.begin());
  for (unsigned bit = prefix; bit < address.bits(); ++bit)
    bytes[bit / 8] &= static_cast<std::uint8_t>(~(0x80u >> (bit % 8)));
  if (address.is_v4()) return {IpAddress::v4(std::span(bytes).first<4>()), prefix};
  if (address.is_v6()) return {IpAddress::v6(bytes), prefix};
  return *this;
}

bool IpNetwork::contains(const IpAddress& other) const {
  return other.family() == family() && IpNetwork{other, prefix}.network().address == network().address;
}

bool IpNetwork::overlaps(const IpNetwork& other) const {
  return prefix <= other.prefix ? contains(other.address) : other.contains(address);
}

std::string to_string(const IpNetwork& network) {
  return fmt::format("{}/{}", to_string(network.address), network.prefix);
}

std::optional<Endpoint> Endpoint::parse(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  auto host = text.substr(0, colon);
  const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  const auto address = IpAddress::parse(host);
  const auto port = parse_decimal<std::uint16_t>(text.substr(colon + 1), 65535);
  if (!address || !port || address->is_v6() != bracketed) return std::nullopt;
  return Endpoint{*address, *port};
}

std::string to_string(const Endpoint& endpoint) {
  const auto address = to_string(endpoint.address);
  return endpoint.address.is_v6() ? fmt::format("[{}]:{}", address, endpoint.port)
                                  : fmt::format("{}:{}", address, endpoint.port);
}

}  // namespace adit
