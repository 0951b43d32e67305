// SPDX-License-Identifier: MIT
#include "net/udp_socket.h"

#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

#include "base/assert.h"
#include "net/sockaddr.h"

namespace adit::net {
namespace {

/// Messages per system call. A turn of the loop takes one such batch, so that no flood starves the rest.
constexpr std::size_t kBatchSize = 64;
/// Limits of UDP_SEGMENT: datagrams in a message (UDP_MAX_SEGMENTS of the older kernels), and the size of an IP packet.
constexpr std::size_t kMaxSegments = 64;
constexpr std::size_t kMaxMessage = 65'507 - 20;
/// Other datagrams' errors that one receive() may step over.
constexpr int kMaxPendingErrors = 16;
static_assert(sizeof(in6_pktinfo) >= sizeof(in_pktinfo));
/// Room for PKTINFO, the size of segments and the traffic class.
constexpr std::size_t kControlSize = CMSG_SPACE(sizeof(in6_pktinfo)) + 2 * CMSG_SPACE(sizeof(int));
using Control = std::array<std::uint8_t, kControlSize>;

/// Errors that say that this descriptor is no good. All others are about some datagram's fate.
bool is_fatal(int error) {
  return error == EBADF || error == ENOTSOCK || error == EFAULT || error == EINVAL;
}

/// What sendmsg says to a source address that is not, or no longer, this host's; or to its interface that is gone.
bool may_be_the_source(int error) {
  return error == EINVAL || error == EADDRNOTAVAIL || error == ENETUNREACH || error == ENODEV;
}

/// What a kernel or a network card that cannot segment says. Any of them may also have another reason.
bool may_be_segmentation(int error) {
  return error == EIO || error == EINVAL || error == EMSGSIZE;
}

/// What the kernel says of a message beside its bytes.
struct Received {
  Path path;
  std::size_t segment_size = 0;  ///< 0: the message is one datagram
  std::uint8_t traffic_class = 0;
};

void read_control(const msghdr& header, Received& received) {
  auto& path = received.path;
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
    } else if (message->cmsg_level == SOL_UDP && message->cmsg_type == UDP_GRO) {
      int size = 0;
      std::memcpy(&size, CMSG_DATA(message), sizeof size);
      received.segment_size = static_cast<std::size_t>(std::max(size, 0));
    } else if (message->cmsg_level == IPPROTO_IP && message->cmsg_type == IP_TOS) {
      received.traffic_class = *CMSG_DATA(message);
    } else if (message->cmsg_level == IPPROTO_IPV6 && message->cmsg_type == IPV6_TCLASS) {
      int traffic_class = 0;
      std::memcpy(&traffic_class, CMSG_DATA(message), sizeof traffic_class);
      received.traffic_class = static_cast<std::uint8_t>(traffic_class);
    }
  }
  if (path.local.is_multicast()) path.local = {};  // nothing can be sent from there
}

/// Link-local addresses are bound to their interface, and so is whoever is given a scope; elsewhere routing may change
/// its mind about it.
std::uint32_t interface_for(const Path& path) {
  if (path.remote.scope != 0) return path.remote.scope;
  return path.remote.address.is_link_local() ? path.interface : 0;
}

/// Writes one control message at `at` and returns where the next begins.
template <class Value>
std::size_t write_control(Control& control, std::size_t at, int level, int type, const Value& value) {
  const cmsghdr header{.cmsg_len = CMSG_LEN(sizeof value), .cmsg_level = level, .cmsg_type = type};
  std::memcpy(control.data() + at, &header, sizeof header);
  std::memcpy(control.data() + at + CMSG_LEN(0), &value, sizeof value);
  return at + CMSG_SPACE(sizeof value);
}

std::size_t write_pktinfo(const Path& path, Control& control) {
  if (path.remote.address.is_v4()) {
    in_pktinfo info{};
    if (path.local.is_v4()) info.ipi_spec_dst = to_in_addr(path.local);
    info.ipi_ifindex = static_cast<int>(interface_for(path));
    return write_control(control, 0, IPPROTO_IP, IP_PKTINFO, info);
  }
  in6_pktinfo info{};
  info.ipi6_ifindex = interface_for(path);
  // Told a source, the kernel takes the interface for a wish, and may send by another one (ip6_route_output_flags).
  const bool pinned = info.ipi6_ifindex != 0 && !path.remote.address.is_link_local();
  if (path.local.is_v6() && !pinned) info.ipi6_addr = to_in6_addr(path.local);
  return write_control(control, 0, IPPROTO_IPV6, IPV6_PKTINFO, info);
}

std::size_t write_traffic_class(Family family, int traffic_class, Control& control, std::size_t at) {
  return family == Family::v4 ? write_control(control, at, IPPROTO_IP, IP_TOS, traffic_class)
                              : write_control(control, at, IPPROTO_IPV6, IPV6_TCLASS, traffic_class);
}

/// For want of room, since the socket was made; goes round.
std::uint32_t dropped_so_far(int fd) {
  std::array<std::uint32_t, SK_MEMINFO_VARS> facts{};
  socklen_t size = sizeof facts;
  const bool known = getsockopt(fd, SOL_SOCKET, SO_MEMINFO, facts.data(), &size) == 0 && size == sizeof facts;
  return known ? facts[SK_MEMINFO_DROPS] : 0;
}

/// How many of `datagrams`, from the front, one message can carry.
std::size_t run_of(std::span<const OutboundDatagram> datagrams) {
  const auto size = datagrams[0].bytes.size();
  auto total = size;
  std::size_t count = 1;
  for (; count < std::min(datagrams.size(), kMaxSegments); ++count) {
    const auto last = datagrams[count - 1].bytes;
    const auto next = datagrams[count].bytes;
    const bool adjacent = next.data() == last.data() + last.size();
    const bool alike =
        last.size() == size && next.size() <= size && datagrams[count].traffic_class == datagrams[0].traffic_class;
    if (!adjacent || !alike || total + next.size() > kMaxMessage) break;
    total += next.size();
  }
  return count;
}

}  // namespace

/// What the batched system calls want to have laid out in memory; made once a thread, and nobody needs it between
/// calls.
struct UdpSocket::Batch {
  std::array<mmsghdr, kBatchSize> headers{};
  std::array<iovec, kBatchSize> parts{};
  std::array<sockaddr_storage, kBatchSize> addresses;
  alignas(cmsghdr) std::array<Control, kBatchSize> controls;
  std::array<std::size_t, kBatchSize> runs{};  ///< when sending: datagrams in each message

  /// `bytes` are only written to when receiving, and then they are the caller's buffer.
  void prepare(std::size_t i, Bytes bytes, sockaddr_storage& address, socklen_t address_size, std::size_t control) {
    parts[i] = {.iov_base = const_cast<std::uint8_t*>(bytes.data()), .iov_len = bytes.size()};
    auto& header = headers[i].msg_hdr;
    header = {};
    header.msg_name = &address;
    header.msg_namelen = address_size;
    header.msg_iov = &parts[i];
    header.msg_iovlen = 1;
    header.msg_control = control == 0 ? nullptr : controls[i].data();
    header.msg_controllen = control;
  }

  /// For one system call: as many of `datagrams` as go into the batch, in runs where they may. Returns how many
  /// messages.
  std::size_t lay_out(std::span<const OutboundDatagram> datagrams, const Path& path, bool in_runs, SocketAddress& to) {
    const bool with_info = !path.local.is_none() || interface_for(path) != 0;
    std::size_t messages = 0;
    for (std::size_t at = 0; at < datagrams.size() && messages < kBatchSize; ++messages) {
      const auto run = in_runs ? run_of(datagrams.subspan(at)) : 1;
      const auto& first = datagrams[at];
      const auto last = datagrams[at + run - 1].bytes;
      auto& control = controls[messages];
      auto control_size = with_info ? write_pktinfo(path, control) : 0;
      if (run > 1) {
        const auto size = static_cast<std::uint16_t>(first.bytes.size());
        control_size = write_control(control, control_size, SOL_UDP, UDP_SEGMENT, size);
      }
      if (first.traffic_class != 0) {
        const auto family = path.remote.address.family();
        control_size = write_traffic_class(family, first.traffic_class, control, control_size);
      }
      const Bytes whole(first.bytes.data(), last.data() + last.size());
      prepare(messages, whole, to.storage, to.size, control_size);
      runs[messages] = run;
      at += run;
    }
    return messages;
  }
};

UdpSocket::UdpSocket(FileDescriptor fd, Family family, std::uint16_t port, bool offload)
    : fd_(std::move(fd)), family_(family), local_port_(port), dropped_seen_(dropped_so_far(fd_.get())) {
  // The run before may have had it on.
  const int merge = offload ? 1 : 0;
  const bool done = setsockopt(fd_.get(), SOL_UDP, UDP_GRO, &merge, sizeof merge) == 0;
  if (!offload) return;
  int segment_size = 0;
  socklen_t size = sizeof segment_size;
  can_segment_ = getsockopt(fd_.get(), SOL_UDP, UDP_SEGMENT, &segment_size, &size) == 0;
  segments_ = can_segment_;
  merges_ = done;
}

UdpSocket::Batch& UdpSocket::batch_of_this_thread() {
  thread_local const auto kBatch = std::make_unique<Batch>();
  return *kBatch;
}

IoResult UdpSocket::receive(std::span<const MutableBytes> buffers, std::vector<Datagram>& datagrams) {
  auto& batch = batch_of_this_thread();
  const auto wanted = std::min(buffers.size(), kBatchSize);
  for (std::size_t i = 0; i < wanted; ++i) {
    batch.prepare(i, buffers[i], batch.addresses[i], sizeof batch.addresses[i], kControlSize);
  }
  int count = -1;
  for (int tries = 0; tries < kMaxPendingErrors; ++tries) {
    count = recvmmsg(fd_.get(), batch.headers.data(), static_cast<unsigned>(wanted), MSG_DONTWAIT, nullptr);
    if (count >= 0 || errno == EAGAIN) break;
    if (errno == EINTR) continue;
    if (is_fatal(errno)) return {.error = errno};
    ++pending_errors_;
  }

  count_dropped();
  const auto before = datagrams.size();
  for (std::size_t i = 0; i < static_cast<std::size_t>(std::max(count, 0)); ++i) {
    const auto& header = batch.headers[i].msg_hdr;
    const auto remote = from_sockaddr(reinterpret_cast<const sockaddr*>(&batch.addresses[i]), header.msg_namelen);
    Received received{.path = {.remote = remote.value_or(Endpoint{})}};
    read_control(header, received);
    if ((header.msg_flags & MSG_TRUNC) != 0 || !remote) {
      ++lost_.truncated;
      continue;
    }
    auto bytes = buffers[i].first(batch.headers[i].msg_len);
    const auto segment_size = received.segment_size == 0 ? bytes.size() : received.segment_size;
    do {
      const auto size = std::min(segment_size, bytes.size());
      datagrams.push_back({received.path, bytes.first(size), received.traffic_class});
      bytes = bytes.subspan(size);
    } while (!bytes.empty());
  }
  return {.count = datagrams.size() - before};
}

bool UdpSocket::set_mark(std::uint32_t mark) {
  return setsockopt(fd_.get(), SOL_SOCKET, SO_MARK, &mark, sizeof mark) == 0;
}

/// Asked and not told with the datagrams (SO_RXQ_OVFL): when the last of a burst are lost, no datagram comes to say so.
/// Whatever finds no room does so while there is something to fetch, so asking then misses nothing.
void UdpSocket::count_dropped() {
  const auto total = dropped_so_far(fd_.get());
  lost_.receive_buffer_full += total - std::exchange(dropped_seen_, total);
}

SendResult UdpSocket::send(const Path& path, std::span<const OutboundDatagram> datagrams) {
  ADIT_ASSERT(path.remote.address.family() == family_);
  auto remote = path.remote;
  remote.scope = remote.address.is_v6() ? interface_for(path) : 0;
  auto to = to_sockaddr(remote);
  Path way = path;
  if (way.local.family() != family_) way.local = {};
  bool source_dropped = false;
  // A run was refused: the next datagram goes alone, and tells whether segmentation was to blame.
  bool in_doubt = false;

  SendResult result;
  auto& batch = batch_of_this_thread();
  for (std::size_t next = 0; next < datagrams.size();) {
    const auto rest = datagrams.subspan(next);
    const auto messages =
        in_doubt ? batch.lay_out(rest.first(1), way, false, to) : batch.lay_out(rest, way, segments_, to);
    const int sent = sendmmsg(fd_.get(), batch.headers.data(), static_cast<unsigned>(messages), MSG_DONTWAIT);
    if (sent >= 0) {
      for (std::size_t i = 0; i < static_cast<std::size_t>(sent); ++i) {
        next += batch.runs[i];
        result.sent += batch.runs[i];
      }
      result.source_refused |= source_dropped;
      if (in_doubt) segments_ = false;
      result.segmentation_refused |= in_doubt;
      in_doubt = false;
      continue;
    }
    if (errno == EINTR) continue;
    if (batch.runs[0] > 1 && may_be_segmentation(errno)) {
      in_doubt = true;
      continue;
    }
    in_doubt = false;
    if (!way.local.is_none() && may_be_the_source(errno)) {
      way.local = {};
      source_dropped = true;
      continue;
    }
    result.error = errno;
    if (errno == EAGAIN) break;
    result.refused += batch.runs[0];
    next += batch.runs[0];
  }
  return result;
}

/// PROBE: DF, and no look at the path's MTU as it was learned.
bool UdpSocket::set_whole(bool whole) {
  const bool v4 = family_ == Family::v4;
  static_assert(IP_PMTUDISC_PROBE == IPV6_PMTUDISC_PROBE && IP_PMTUDISC_DONT == IPV6_PMTUDISC_DONT);
  const int value = whole ? IP_PMTUDISC_PROBE : IP_PMTUDISC_DONT;
  return setsockopt(fd_.get(), v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_MTU_DISCOVER : IPV6_MTU_DISCOVER, &value,
                    sizeof value) == 0;
}

int UdpSocket::send_whole(const Path& path, const OutboundDatagram& datagram) {
  if (!set_whole(true)) return errno;
  const auto result = send(path, {&datagram, 1});
  set_whole(false);
  return result.sent == 1 ? 0 : result.error;
}

}  // namespace adit::net
