// SPDX-License-Identifier: MIT
// From an IPv6-only network to an IPv4 address, through its NAT64: the prefix shows in the network's answer for
// ipv4only.arpa (RFC 7050), and holds the IPv4 address as RFC 6052, section 2.2 has it. Pure, but for has_way_to.
#pragma once

#include <optional>
#include <span>

#include "base/ip.h"

namespace adit::net {

/// Asked for IPv6 addresses it has none, unless the network makes them up.
inline constexpr const char* kIpv4OnlyName = "ipv4only.arpa";

/// The network that `answer`, an address of kIpv4OnlyName, was made up from; none: it was not made up.
std::optional<IpNetwork> nat64_prefix(const IpAddress& answer);

/// `address` (IPv4) as seen through `prefix`, which nat64_prefix gave.
IpAddress through_nat64(const IpNetwork& prefix, const IpAddress& address);

/// The kernel would have datagrams to `address` go somewhere. Sends nothing. `mark`: of theirs; what may not be marked
/// is asked about without.
bool has_way_to(const IpAddress& address, std::optional<std::uint32_t> mark);

}  // namespace adit::net
