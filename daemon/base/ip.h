// SPDX-License-Identifier: MIT
// Addresses, subnets and endpoints of both IP families, as values. Parsing is strict: what `parse` accepts,
// `to_string` gives back in its usual form (RFC 5952 for IPv6); anything else is std::nullopt.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace adit {

enum class Family : std::uint8_t { none = 0, v4 = 4, v6 = 6 };

class IpAddress {
 public:
  /// The address of no family: "not known".
  constexpr IpAddress() = default;
  /// `bytes` in network order.
  static IpAddress v4(std::span<const std::uint8_t, 4> bytes);
  static IpAddress v6(std::span<const std::uint8_t, 16> bytes);
  static IpAddress any(Family family);
  static std::optional<IpAddress> parse(std::string_view text);

  Family family() const { return family_; }
  bool is_v4() const { return family_ == Family::v4; }
  bool is_v6() const { return family_ == Family::v6; }
  bool is_none() const { return family_ == Family::none; }
  bool is_unspecified() const;  ///< 0.0.0.0, :: or none
  bool is_link_local() const;   ///< 169.254.0.0/16 or fe80::/10
  bool is_multicast() const;
  bool is_loopback() const;  ///< 127.0.0.0/8 or ::1
  unsigned bits() const { return is_v4() ? 32 : is_v6() ? 128 : 0; }
  /// 4 or 16 bytes in network order, none for the address of no family.
  Bytes bytes() const { return {bytes_.data(), bits() / 8}; }

  friend auto operator<=>(const IpAddress&, const IpAddress&) = default;

 private:
  Family family_ = Family::none;
  std::array<std::uint8_t, 16> bytes_{};
};

std::string to_string(const IpAddress& address);

/// ADDRESS/PREFIX. The address may have host bits (an interface's address); `network()` clears them.
struct IpNetwork {
  IpAddress address;
  std::uint8_t prefix = 0;

  /// "10.9.0.1/30"; without a prefix a single address (/32 or /128).
  static std::optional<IpNetwork> parse(std::string_view text);
  Family family() const { return address.family(); }
  IpNetwork network() const;
  bool has_host_bits() const { return network().address != address; }
  bool contains(const IpAddress& other) const;
  bool overlaps(const IpNetwork& other) const;

  friend auto operator<=>(const IpNetwork&, const IpNetwork&) = default;
};

std::string to_string(const IpNetwork& network);

/// Where datagrams go to or come from.
struct Endpoint {
  IpAddress address;
  std::uint16_t port = 0;
  /// Interface index of an IPv6 link-local address, and of any address that is to be reached by that interface; else 0.
  std::uint32_t scope = 0;

  /// "192.0.2.7:51820" or "[2001:db8::7]:51820"; no names.
  static std::optional<Endpoint> parse(std::string_view text);
  bool known() const { return !address.is_none(); }

  friend auto operator<=>(const Endpoint&, const Endpoint&) = default;
};

std::string to_string(const Endpoint& endpoint);

/// Both ends of a datagram's way, so that an answer leaves from the address that was called.
/// `local` of no family: let the kernel choose. `interface`: where it came in, 0 when unknown.
struct Path {
  Endpoint remote;
  IpAddress local;
  std::uint32_t interface = 0;

  friend auto operator<=>(const Path&, const Path&) = default;
};

/// One UDP datagram as it was received; the bytes are the receiver's, mutable so that they can be decrypted in place.
struct Datagram {
  Path path;
  MutableBytes bytes;
  std::uint8_t traffic_class = 0;  ///< of the IP header it came with: DSCP and ECN
};

/// One UDP datagram to be sent.
struct OutboundDatagram {
  Bytes bytes;
  std::uint8_t traffic_class = 0;  ///< for its IP header
};

}  // namespace adit
