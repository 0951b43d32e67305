// SPDX-License-Identifier: MIT
#include "net/udp_socket.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/assert.h"
#include "net/sockaddr.h"

namespace adit::net {
namespace {

/// Datagrams per system call. A turn of the loop takes one such batch, so that no flood starves the rest.
constexpr std::size_t kBatchSize = 64;
/// Other datagrams' errors that one receive() may step over.
constexpr int kMaxPendingErrors = 16;
constexpr std::size_t kControlSize = CMSG_SPACE(sizeof(in6_pktinfo));
static_assert(sizeof(in6_pktinfo) >= sizeof(in_pktinfo));

/// Errors that say that this descriptor is no good. All others are about some datagram's fate.
bool is_fatal(int error) {
  return error == EBADF || error == ENOTSOCK || error == EFAULT || error == EINVAL;
}

/// What sendmsg says to a source address that is not, or no longer, this host's.
bool may_be_the_source(int error) {
  return error == EINVAL || error == EADDRNOTAVAIL || error == ENETUNREACH;
}

/// Which of our addresses a datagram came to, from its control message.
void read_pktinfo(const msghdr& header, Path& path) {
  auto* message = CMSG_FIRSTHDR(&header);
  for (; message != nullptr; message = CMSG_NXTHDR(const_cast<msghdr*>(&header), message)) {
    if (message->cmsg_level == IPPROTO_IP && message->cmsg_type == IP_PKTINFO) {
      in_pktinfo info;
      std::memcpy(&info, CMSG_DATA(message), sizeof info);
      path.local = from_in_addr(info.ipi_spec_dst);  // for a broadcast ours, where ipi_addr would be the broadcast
      path.interface = static_cast<std::uint32_t>(info.ipi_ifindex);
    } else if (message->cmsg_level == IPPROTO_IPV6 && message->cmsg_type == IPV6_PKTINFO) {
      in6_pktinfo info;
      std::memcpy(&info, CMSG_DATA(message), sizeof info);
      path.local = from_in6_addr(info.ipi6_addr);
      path.interface = info.ipi6_ifindex;
    }
  }
  if (path.local.is_multicast()) path.local = {};  // nothing can be sent from there
}

/// Only link-local addresses are bound to their interface; elsewhere routing may change its mind about it.
std::uint32_t interface_for(const Path& path) {
  if (path.remote.scope != 0) return path.remote.scope;
  return path.remote.address.is_link_local() ? path.interface : 0;
}

/// Returns the size of the control message, 0 when there is nothing to say.
std::size_t write_pktinfo(const Path& path, std::array<std::uint8_t, kControlSize>& control) {
  msghdr header{};
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  auto* message = CMSG_FIRSTHDR(&header);
  if (path.local.is_v4()) {
    in_pktinfo info{};
    info.ipi_spec_dst = to_in_addr(path.local);
    info.ipi_ifindex = static_cast<int>(interface_for(path));
    *message = {.cmsg_len = CMSG_LEN(sizeof info), .cmsg_level = IPPROTO_IP, .cmsg_type = IP_PKTINFO};
    std::memcpy(CMSG_DATA(message), &info, sizeof info);
    return CMSG_SPACE(sizeof info);
  }
  if (path.local.is_v6()) {
    in6_pktinfo info{};
    info.ipi6_addr = to_in6_addr(path.local);
    info.ipi6_ifindex = interface_for(path);
    *message = {.cmsg_len = CMSG_LEN(sizeof info), .cmsg_level = IPPROTO_IPV6, .cmsg_type = IPV6_PKTINFO};
    std::memcpy(CMSG_DATA(message), &info, sizeof info);
    return CMSG_SPACE(sizeof info);
  }
  return 0;
}

}  // namespace

/// What the batched system calls want to have laid out in memory; made once a socket.
struct UdpSocket::Batch {
  std::array<mmsghdr, kBatchSize> headers{};
  std::array<iovec, kBatchSize> parts{};
  std::array<sockaddr_storage, kBatchSize> addresses;
  alignas(cmsghdr) std::array<std::array<std::uint8_t, kControlSize>, kBatchSize> controls;

  /// `bytes` are only written to when receiving, and then they are the caller's buffer.
  void prepare(std::size_t i, Bytes bytes, sockaddr_storage& address, socklen_t address_size, MutableBytes control) {
    parts[i] = {.iov_base = const_cast<std::uint8_t*>(bytes.data()), .iov_len = bytes.size()};
    auto& header = headers[i].msg_hdr;
    header = {};
    header.msg_name = &address;
    header.msg_namelen = address_size;
    header.msg_iov = &parts[i];
    header.msg_iovlen = 1;
    header.msg_control = control.empty() ? nullptr : control.data();
    header.msg_controllen = control.size();
  }
};

UdpSocket::UdpSocket(FileDescriptor fd, Family family, std::uint16_t port)
    : fd_(std::move(fd)), family_(family), local_port_(port), batch_(std::make_unique<Batch>()) {}
UdpSocket::UdpSocket(UdpSocket&&) noexcept = default;
UdpSocket& UdpSocket::operator=(UdpSocket&&) noexcept = default;
UdpSocket::~UdpSocket() = default;

IoResult UdpSocket::receive(std::span<Datagram> into) {
  auto& batch = *batch_;
  const auto wanted = std::min(into.size(), kBatchSize);
  for (std::size_t i = 0; i < wanted; ++i) {
    batch.prepare(i, into[i].bytes, batch.addresses[i], sizeof batch.addresses[i], batch.controls[i]);
  }
  int count = -1;
  for (int tries = 0; tries < kMaxPendingErrors; ++tries) {
    count = recvmmsg(fd_.get(), batch.headers.data(), static_cast<unsigned>(wanted), MSG_DONTWAIT, nullptr);
    if (count >= 0 || errno == EAGAIN) break;
    if (errno == EINTR) continue;
    if (is_fatal(errno)) return {.error = errno};
    ++pending_errors_;
  }

  IoResult result;
  for (std::size_t i = 0; i < static_cast<std::size_t>(std::max(count, 0)); ++i) {
    const auto& header = batch.headers[i].msg_hdr;
    const auto remote = from_sockaddr(reinterpret_cast<const sockaddr*>(&batch.addresses[i]), header.msg_namelen);
    if ((header.msg_flags & MSG_TRUNC) != 0 || !remote) {
      ++truncated_;
      continue;
    }
    auto& datagram = into[result.count++];
    std::swap(datagram.bytes, into[i].bytes);
    datagram.bytes = datagram.bytes.first(batch.headers[i].msg_len);
    datagram.path = {.remote = *remote, .local = {}};
    read_pktinfo(header, datagram.path);
  }
  return result;
}

SendResult UdpSocket::send(const Path& path, std::span<const Bytes> datagrams) {
  ADIT_ASSERT(path.remote.address.family() == family_);
  auto remote = path.remote;
  remote.scope = remote.address.is_v6() ? interface_for(path) : 0;
  auto to = to_sockaddr(remote);
  alignas(cmsghdr) std::array<std::uint8_t, kControlSize> control{};
  auto control_size = path.local.family() == family_ ? write_pktinfo(path, control) : 0;

  SendResult result;
  auto& batch = *batch_;
  bool without_source = false;
  for (std::size_t next = 0; next < datagrams.size();) {
    const auto chunk = datagrams.subspan(next, std::min(datagrams.size() - next, kBatchSize));
    for (std::size_t i = 0; i < chunk.size(); ++i) {
      batch.prepare(i, chunk[i], to.storage, to.size, std::span(control).first(control_size));
    }
    const int sent = sendmmsg(fd_.get(), batch.headers.data(), static_cast<unsigned>(chunk.size()), MSG_DONTWAIT);
    if (sent >= 0) {
      result.sent += static_cast<std::size_t>(sent);
      result.source_refused |= without_source;
      next += static_cast<std::size_t>(sent);
      continue;
    }
    if (errno == EINTR) continue;
    if (control_size != 0 && may_be_the_source(errno)) {
      control_size = 0;
      without_source = true;
      continue;
    }
    result.error = errno;
    if (errno == EAGAIN) break;
    ++result.refused;
    ++next;
  }
  return result;
}

}  // namespace adit::net
