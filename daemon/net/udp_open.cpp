// SPDX-License-Identifier: MIT
// Making a UDP socket: every option with its reason, every failure with its mend.
#include <fmt/core.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>

#include "net/sockaddr.h"
#include "net/udp_socket.h"

namespace adit::net {
namespace {

/// Room for what arrives while the loop is busy elsewhere: 5 ms at 10 Gbit/s.
constexpr std::uint32_t kReceiveBuffer = 7 << 20;
/// Enough for a burst of super-packets; more would only be delay.
constexpr std::uint32_t kSendBuffer = 1 << 20;

using Kind = UdpOpenError::Kind;

template <class... Args>
std::unexpected<UdpOpenError> refuse(Kind kind, fmt::format_string<Args...> format, Args&&... args) {
  return std::unexpected(UdpOpenError{kind, fmt::format(format, std::forward<Args>(args)...)});
}

const char* name_of(Family family) {
  return family == Family::v4 ? "IPv4" : "IPv6";
}

bool set(int fd, int level, int option, std::uint32_t value) {
  return setsockopt(fd, level, option, &value, sizeof value) == 0;
}

/// More than net.core.*mem_max allows needs CAP_NET_ADMIN in the host's own user namespace; elsewhere we take what we
/// get.
void set_buffers(int fd, const UdpOptions& options) {
  const auto receive = options.receive_buffer.value_or(kReceiveBuffer);
  const auto send = options.send_buffer.value_or(kSendBuffer);
  if (!set(fd, SOL_SOCKET, SO_RCVBUFFORCE, receive)) set(fd, SOL_SOCKET, SO_RCVBUF, receive);
  if (!set(fd, SOL_SOCKET, SO_SNDBUFFORCE, send)) set(fd, SOL_SOCKET, SO_SNDBUF, send);
}

bool set_family_options(int fd, Family family) {
  if (family == Family::v4) {
    return set(fd, IPPROTO_IP, IP_PKTINFO, 1) && set(fd, IPPROTO_IP, IP_RECVTOS, 1) &&
           // DF clear: udp_socket.h says why.
           set(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT);
  }
  // Without V6ONLY the IPv4 socket could not have the same port.
  return set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1) && set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1) &&
         set(fd, IPPROTO_IPV6, IPV6_RECVTCLASS, 1) && set(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DONT);
}

std::expected<void, UdpOpenError> set_options(int fd, const UdpOptions& options) {
  if (!set_family_options(fd, options.family)) {
    return refuse(Kind::other, "cannot set up a UDP socket for {}: {}", name_of(options.family), describe(errno));
  }
  set_buffers(fd, options);
  if (options.fwmark) {
    const auto mark = *options.fwmark;
    if (setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof mark) != 0) {
      return refuse(Kind::other,
                    "cannot mark the link's datagrams with {:#x} (local.fwmark): {}; adit needs CAP_NET_ADMIN: run as "
                    "root, or by the unit (`systemctl start adit@NAME`)",
                    mark, describe(errno));
    }
  }
  if (options.device) {
    const auto& device = *options.device;
    if (setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device.data(), static_cast<socklen_t>(device.size())) != 0) {
      if (errno == ENODEV) {
        return refuse(Kind::other, "there is no interface {}: correct local.device, or bring the interface up first",
                      device);
      }
      return refuse(Kind::other, "cannot bind to the interface {} (local.device): {}", device, describe(errno));
    }
  }
  return {};
}

std::optional<Endpoint> local_end_of(int fd) {
  SocketAddress bound;
  bound.size = sizeof bound.storage;
  const bool known = getsockname(fd, reinterpret_cast<sockaddr*>(&bound.storage), &bound.size) == 0;
  return known ? from_sockaddr(bound.get(), bound.size) : std::nullopt;
}

std::unexpected<UdpOpenError> bind_failure(const UdpOptions& options, int error) {
  switch (error) {
    case EADDRINUSE:
      if (options.port == 0) {
        return refuse(Kind::port_in_use,
                      "no UDP port is free ({}): see net.ipv4.ip_local_port_range, or name one in "
                      "local.listen",
                      name_of(options.family));
      }
      return refuse(Kind::port_in_use,
                    "UDP port {} is in use ({}), perhaps by another aditd or a wg interface: stop that, or choose "
                    "another local.listen",
                    options.port, name_of(options.family));
    case EADDRNOTAVAIL:
      if (options.address.is_unspecified()) {
        return refuse(Kind::family_missing, "this host has no {}", name_of(options.family));
      }
      return refuse(Kind::address_missing,
                    "this host has no address {}: correct local.listen, or give the host the address first",
                    to_string(options.address));
    case EACCES:
      return refuse(Kind::other,
                    "port {} may only be used by root: choose a local.listen of 1024 or more, or give the program "
                    "CAP_NET_BIND_SERVICE too (docs/service.md says how the unit gets it)",
                    options.port);
    default:
      return refuse(Kind::other, "cannot listen on UDP port {} ({}): {}", options.port, name_of(options.family),
                    describe(error));
  }
}

}  // namespace

std::expected<UdpSocket, UdpOpenError> UdpSocket::open(const UdpOptions& options) {
  FileDescriptor fd(socket(to_af(options.family), SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_UDP));
  if (!fd) {
    if (errno == EAFNOSUPPORT) return refuse(Kind::family_missing, "this host has no {}", name_of(options.family));
    return refuse(Kind::other, "cannot make a UDP socket for {}: {}", name_of(options.family), describe(errno));
  }
  if (auto done = set_options(fd.get(), options); !done) return std::unexpected(done.error());

  const auto wanted = options.address.is_none() ? IpAddress::any(options.family) : options.address;
  const auto address = to_sockaddr({.address = wanted, .port = options.port});
  if (bind(fd.get(), address.get(), address.size) != 0) return bind_failure(options, errno);

  const auto local = local_end_of(fd.get());
  if (!local) return refuse(Kind::other, "cannot learn the UDP port: {}", describe(errno));
  return UdpSocket(std::move(fd), options.family, local->port, options.offload);
}

Result<UdpSocket> UdpSocket::adopt(FileDescriptor fd, const UdpOptions& options) {
  const auto local = local_end_of(fd.get());
  if (!local || local->address.family() != options.family) return fail("what the run before left is no such socket");
  const auto wanted = options.address.is_none() ? IpAddress::any(options.family) : options.address;
  std::array<char, IF_NAMESIZE> device{};
  socklen_t size = device.size();
  const bool bound = getsockopt(fd.get(), SOL_SOCKET, SO_BINDTODEVICE, device.data(), &size) == 0;
  const bool same_port = options.port == 0 || local->port == options.port;
  if (!bound || !same_port || local->address != wanted || options.device.value_or("") != device.data()) {
    return fail("the run before listened on {}{}{}", to_string(*local), device[0] == '\0' ? "" : " of ", device.data());
  }
  set_buffers(fd.get(), options);
  UdpSocket socket(std::move(fd), options.family, local->port, options.offload);
  if (!socket.set_mark(options.fwmark.value_or(0)) && options.fwmark) {
    return fail("cannot mark the link's datagrams with {:#x}: {}", *options.fwmark, describe(errno));
  }
  return socket;
}

}  // namespace adit::net
