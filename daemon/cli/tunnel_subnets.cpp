// SPDX-License-Identifier: MIT
#include "cli/tunnel_subnets.h"

#include <ifaddrs.h>
#include <netinet/in.h>

#include <algorithm>
#include <bit>
#include <memory>
#include <string_view>

#include "base/assert.h"

namespace adit::cli {
namespace {

/// 10/8 first: of the private blocks it has by far the most room, 4 million subnets of our size, so a random one is
/// seldom anybody's. 100.64/10 is the carriers' and of VPN services that take all of it; most of 172.16/12 and
/// 192.168/16 is taken by container engines and by home routers. They come in where 10/8 is routed as a whole.
constexpr std::string_view kBlocks[] = {"10.0.0.0/8", "172.16.0.0/16", "192.168.128.0/17", "100.64.0.0/10"};

/// What people and programs take by default: the low tens, Kubernetes (10.32, 10.42, 10.43, 10.96, 10.244), Podman
/// (10.88 to 10.90), LXD and others (10.100, 10.128, 10.200), the top.
constexpr std::string_view kPopular[] = {
    "10.0.0.0/12",   "10.32.0.0/16",  "10.42.0.0/15",  "10.88.0.0/15",  "10.90.0.0/16",  "10.96.0.0/12",
    "10.128.0.0/16", "10.200.0.0/16", "10.244.0.0/16", "10.254.0.0/15", "172.16.0.0/20", "100.64.0.0/16",
};

/// Two hosts, and the network's and the broadcast address which a /31 would do without, but not every router and
/// system at the other end knows that.
constexpr std::uint8_t kIpv4Prefix = 30;
/// Likewise: with /127 the lower address would be the subnet-router anycast address to old systems.
constexpr std::uint8_t kIpv6Prefix = 126;
constexpr int kTries = 256;

IpNetwork parse(std::string_view text) {
  const auto network = IpNetwork::parse(text);
  ADIT_ASSERT(network.has_value());
  return *network;
}

/// A random subnet of our size in `block`.
IpNetwork random_subnet(const IpNetwork& block, RandomSource& random) {
  const auto fixed = ~std::uint32_t{0} << (32 - block.prefix);
  const auto base = load_be32(block.address.bytes().data());
  std::array<std::uint8_t, 4> bytes{};
  store_be32(bytes.data(), (base & fixed) | (random.u32() & ~fixed));
  return IpNetwork{IpAddress::v4(bytes), kIpv4Prefix}.network();
}

/// `subnet`'s address plus `offset`, with the same prefix.
IpNetwork host_in(const IpNetwork& subnet, std::uint8_t offset) {
  std::array<std::uint8_t, 16> bytes{};
  std::ranges::copy(subnet.address.bytes(), bytes.begin());
  bytes[subnet.address.is_v4() ? 3 : 15] |= offset;
  const auto address = subnet.address.is_v4() ? IpAddress::v4(std::span(bytes).first<4>()) : IpAddress::v6(bytes);
  return {address, subnet.prefix};
}

}  // namespace

Result<IpNetwork> pick_ipv4_subnet(RandomSource& random, std::span<const IpNetwork> taken) {
  for (const auto block : kBlocks) {
    for (int i = 0; i < kTries; ++i) {
      const auto subnet = random_subnet(parse(block), random);
      const bool popular = std::ranges::any_of(kPopular, [&](auto text) { return parse(text).overlaps(subnet); });
      const bool in_use = std::ranges::any_of(taken, [&](const auto& other) { return other.overlaps(subnet); });
      if (!popular && !in_use) return subnet;
    }
  }
  return fail("finds no free IPv4 subnet for the tunnel; choose one with --tunnel");
}

IpNetwork pick_ipv6_subnet(RandomSource& random) {
  std::array<std::uint8_t, 16> bytes{};
  random.fill(std::span(bytes).subspan(1, 5));  // the global ID: 40 random bits, RFC 4193 §3.2
  bytes[0] = 0xfd;
  return {IpAddress::v6(bytes), kIpv6Prefix};
}

Result<std::array<IpNetwork, 2>> ends_of(const IpNetwork& subnet) {
  const unsigned host_bits = subnet.address.bits() - subnet.prefix;
  if (host_bits == 0) return fail("{} has room for one address; a tunnel needs two", to_string(subnet));
  const std::uint8_t first = host_bits == 1 ? 0 : 1;
  return std::array{host_in(subnet, first), host_in(subnet, first + 1)};
}

std::vector<IpNetwork> local_subnets() {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return {};
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owner(list, ::freeifaddrs);
  std::vector<IpNetwork> subnets;
  for (const auto* entry = list; entry != nullptr; entry = entry->ifa_next) {
    if (entry->ifa_addr == nullptr || entry->ifa_netmask == nullptr || entry->ifa_addr->sa_family != AF_INET) continue;
    sockaddr_in address{};
    sockaddr_in mask{};
    std::memcpy(&address, entry->ifa_addr, sizeof address);
    std::memcpy(&mask, entry->ifa_netmask, sizeof mask);
    std::array<std::uint8_t, 4> bytes{};
    std::memcpy(bytes.data(), &address.sin_addr, bytes.size());
    const auto prefix = static_cast<std::uint8_t>(std::popcount(mask.sin_addr.s_addr));
    subnets.push_back(IpNetwork{IpAddress::v4(bytes), prefix}.network());
  }
  return subnets;
}

}  // namespace adit::cli
