// SPDX-License-Identifier: MIT
#include "net/sockaddr.h"

#include <arpa/inet.h>

#include <cstring>

#include "base/assert.h"

namespace adit::net {

SocketAddress to_sockaddr(const Endpoint& endpoint) {
  ADIT_ASSERT(!endpoint.address.is_none());
  SocketAddress result;
  if (endpoint.address.is_v4()) {
    sockaddr_in in{};
    in.sin_family = AF_INET;
    in.sin_port = htons(endpoint.port);
    in.sin_addr = to_in_addr(endpoint.address);
    result.size = sizeof in;
    std::memcpy(&result.storage, &in, sizeof in);
  } else {
    sockaddr_in6 in6{};
    in6.sin6_family = AF_INET6;
    in6.sin6_port = htons(endpoint.port);
    in6.sin6_addr = to_in6_addr(endpoint.address);
    in6.sin6_scope_id = endpoint.scope;
    result.size = sizeof in6;
    std::memcpy(&result.storage, &in6, sizeof in6);
  }
  return result;
}

std::optional<Endpoint> from_sockaddr(const sockaddr* address, socklen_t size) {
  if (size < sizeof(sa_family_t)) return std::nullopt;
  if (address->sa_family == AF_INET && size >= sizeof(sockaddr_in)) {
    sockaddr_in in;
    std::memcpy(&in, address, sizeof in);
    return Endpoint{from_in_addr(in.sin_addr), ntohs(in.sin_port)};
  }
  if (address->sa_family == AF_INET6 && size >= sizeof(sockaddr_in6)) {
    sockaddr_in6 in6;
    std::memcpy(&in6, address, sizeof in6);
    return Endpoint{from_in6_addr(in6.sin6_addr), ntohs(in6.sin6_port), in6.sin6_scope_id};
  }
  return std::nullopt;
}

IpAddress from_in_addr(const in_addr& address) {
  std::array<std::uint8_t, 4> bytes;
  std::memcpy(bytes.data(), &address, bytes.size());
  return IpAddress::v4(bytes);
}

IpAddress from_in6_addr(const in6_addr& address) {
  std::array<std::uint8_t, 16> bytes;
  std::memcpy(bytes.data(), &address, bytes.size());
  return IpAddress::v6(bytes);
}

in_addr to_in_addr(const IpAddress& address) {
  ADIT_ASSERT(address.is_v4());
  in_addr result;
  std::memcpy(&result, address.bytes().data(), sizeof result);
  return result;
}

in6_addr to_in6_addr(const IpAddress& address) {
  ADIT_ASSERT(address.is_v6());
  in6_addr result;
  std::memcpy(&result, address.bytes().data(), sizeof result);
  return result;
}

int to_af(Family family) {
  switch (family) {
    case Family::v4:
      return AF_INET;
    case Family::v6:
      return AF_INET6;
    case Family::none:
      break;
  }
  return AF_UNSPEC;
}

}  // namespace adit::net
