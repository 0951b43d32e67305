// SPDX-License-Identifier: MIT
// The only place where addresses change between our types and the kernel's sockaddr.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <optional>

#include "base/ip.h"

namespace adit::net {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

/// `endpoint` has a family. An IPv6 scope is kept.
SocketAddress to_sockaddr(const Endpoint& endpoint);
/// std::nullopt for other families and for sizes too small for theirs.
std::optional<Endpoint> from_sockaddr(const sockaddr* address, socklen_t size);

IpAddress from_in_addr(const in_addr& address);
IpAddress from_in6_addr(const in6_addr& address);
in_addr to_in_addr(const IpAddress& address);
in6_addr to_in6_addr(const IpAddress& address);

/// AF_INET, AF_INET6 or AF_UNSPEC.
int to_af(Family family);

}  // namespace adit::net
