// SPDX-License-Identifier: MIT
// Which subnets a new link's tunnel gets when nobody says: random ones, that collide with little. Knows no files.
#pragma once

#include <span>
#include <vector>

#include "base/ip.h"
#include "base/random.h"
#include "base/result.h"

namespace adit::cli {

/// An IPv4 subnet outside of what is `taken` and of what is popular.
Result<IpNetwork> pick_ipv4_subnet(RandomSource& random, std::span<const IpNetwork> taken);

/// An IPv6 subnet within a unique local prefix of its own (RFC 4193).
IpNetwork pick_ipv6_subnet(RandomSource& random);

/// The addresses of the two ends in a tunnel's subnet.
Result<std::array<IpNetwork, 2>> ends_of(const IpNetwork& subnet);

/// The subnets of this host's interfaces; none if the kernel does not say.
std::vector<IpNetwork> local_subnets();

}  // namespace adit::cli
