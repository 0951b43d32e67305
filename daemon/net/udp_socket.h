// SPDX-License-Identifier: MIT
// One unconnected UDP socket of one family, in batches, non-blocking. Says of each datagram which of our addresses it
// came to, and sends from the address it is told (PKTINFO). Does not know who the peer is or what datagrams mean.
//
// Where the kernel can, many datagrams of one size travel through it as one: out by UDP_SEGMENT (Linux 4.18), in by
// UDP_GRO (Linux 5.0). What it refuses goes the plain way, and is not tried again.
//
// Outer packets are sent with DF clear, as Linux' own WireGuard does: where the path is narrower than we think, a
// fragmented packet still arrives, and one with DF set would vanish without a trace. Choosing an MTU that fits is
// somebody else's job.
#pragma once

#include <atomic>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/file_descriptor.h"
#include "base/ip.h"
#include "base/result.h"
#include "net/io.h"

namespace adit::net {

/// Any UDP datagram fits.
inline constexpr std::size_t kMaxDatagram = 65'535;

struct UdpOptions {
  Family family = Family::v4;
  IpAddress address;                            ///< of `family`; none: all of the host's
  std::uint16_t port = 0;                       ///< 0: the kernel chooses
  std::optional<std::string> device;            ///< SO_BINDTODEVICE
  std::optional<std::uint32_t> fwmark;          ///< SO_MARK
  bool offload = true;                          ///< UDP_SEGMENT and UDP_GRO, as far as the kernel has them
  std::optional<std::uint32_t> receive_buffer;  ///< bytes; without CAP_NET_ADMIN at most net.core.rmem_max
  std::optional<std::uint32_t> send_buffer;     ///< likewise net.core.wmem_max
};

struct UdpOpenError {
  enum class Kind : std::uint8_t {
    family_missing,  ///< this host has no such family: go on with the other one
    port_in_use,
    address_missing,  ///< this host has no such address, or not yet
    other,
  };
  Kind kind = Kind::other;
  std::string message;  ///< a sentence with the next step
};

struct SendResult {
  std::size_t sent = 0;
  /// Refused one by one and given up: too big (EMSGSIZE), no route (ENETUNREACH, EHOSTUNREACH), a firewall (EPERM)…
  std::size_t refused = 0;
  /// errno of the last refusal. EAGAIN: the socket is full; the datagrams from `sent + refused` on were not tried, and
  /// whoever sends should wait for EPOLLOUT.
  int error = 0;
  /// The kernel did not take path.local (no longer ours): sent from an address of its choice. Forget the local one.
  bool source_refused = false;
  /// UDP_SEGMENT was refused just now, and the same datagrams sent one by one. It is off from here on.
  bool segmentation_refused = false;
};

/// Datagrams that came and were not delivered.
struct LostDatagrams {
  std::uint64_t truncated = 0;  ///< did not fit
  /// There was no room for them in the socket, since nobody fetched those before in time. As the kernel counts, to
  /// which some that travelled as one are one.
  std::uint64_t receive_buffer_full = 0;
  std::uint64_t other_interface = 0;  ///< came by an interface that the link does not use (UdpPort)
};

/// One thread receives and does all the rest. Any number may call `send` meanwhile: each has its own Batch, the kernel
/// takes datagrams of several threads, and `segments_`, the only thing they share, is atomic and may be switched off by
/// any of them. `send_whole` changes the socket for a moment: nobody else sends then (what has a probe leaves alone,
/// Transmitter).
class UdpSocket {
 public:
  static std::expected<UdpSocket, UdpOpenError> open(const UdpOptions& options);
  /// One that an earlier run opened: it must be bound as `options` say, and gets the mark and the buffers they ask for.
  static Result<UdpSocket> adopt(FileDescriptor fd, const UdpOptions& options);
  /// For a later run; nothing else can be done with this one then.
  FileDescriptor release() { return std::move(fd_); }
  UdpSocket(UdpSocket&&) noexcept = default;
  UdpSocket& operator=(UdpSocket&&) noexcept = default;
  UdpSocket(const UdpSocket&) = delete;
  UdpSocket& operator=(const UdpSocket&) = delete;
  ~UdpSocket() = default;

  /// Adds what arrived to `datagrams`, pointing into `buffers`, each of which is at least kMaxDatagram bytes and takes
  /// what one system call brings: one datagram, or many of one size and one sender. count: of datagrams. Nothing there:
  /// count 0, error 0. Errors other datagrams left on the socket (ICMP) are swallowed and counted; an error that is
  /// returned means that the socket is unusable.
  IoResult receive(std::span<const MutableBytes> buffers, std::vector<Datagram>& datagrams);

  /// Sends all to path.remote, from path.local unless that is none. path.remote is of this socket's family. Datagrams
  /// that lie one behind the other and have one size (the last of them may be shorter) and one traffic class leave in
  /// one piece.
  SendResult send(const Path& path, std::span<const OutboundDatagram> datagrams);

  /// One, with DF set and whatever the kernel has learned of the path left aside: it arrives in one piece or not at all
  /// (RFC 8899). 0, or an errno: EMSGSIZE when it is larger than what the way out carries.
  int send_whole(const Path& path, const OutboundDatagram& datagram);

  /// SO_MARK, from now on. False: it may not be set (CAP_NET_ADMIN).
  bool set_mark(std::uint32_t mark);
  /// After a change of the network: what was refused there may work here.
  void try_segmentation_again() { segments_ = can_segment_; }

  int fd() const { return fd_.get(); }
  Family family() const { return family_; }
  std::uint16_t local_port() const { return local_port_; }
  /// Since the last time.
  LostDatagrams take_lost() { return std::exchange(lost_, {}); }
  bool can_segment() const { return can_segment_; }                 ///< UDP_SEGMENT is there, and was asked for
  bool segments() const { return segments_; }                       ///< and is in use
  bool merges() const { return merges_; }                           ///< UDP_GRO is in use
  std::uint64_t pending_errors() const { return pending_errors_; }  ///< ICMP and the like, swallowed by receive

 private:
  struct Batch;
  static Batch& batch_of_this_thread();
  /// Read and written by whoever receives and whoever sends.
  class Flag {
   public:
    Flag() = default;
    Flag(Flag&& other) noexcept : value_(other.value_.load()) {}
    Flag& operator=(Flag&& other) noexcept { return *this = other.value_.load(); }
    Flag& operator=(bool value) {
      value_ = value;
      return *this;
    }
    Flag(const Flag&) = delete;
    Flag& operator=(const Flag&) = delete;
    ~Flag() = default;
    operator bool() const { return value_.load(std::memory_order_relaxed); }

   private:
    std::atomic<bool> value_ = false;
  };

  UdpSocket(FileDescriptor fd, Family family, std::uint16_t port, bool offload);
  void count_dropped();
  bool set_whole(bool whole);

  FileDescriptor fd_;
  Family family_;
  std::uint16_t local_port_;
  bool can_segment_ = false;  ///< the kernel has it, and it was asked for
  Flag segments_;
  bool merges_ = false;
  LostDatagrams lost_;
  std::uint32_t dropped_seen_;  ///< by the kernel's count; what an earlier run saw is not ours to tell
  std::uint64_t pending_errors_ = 0;
};

}  // namespace adit::net
