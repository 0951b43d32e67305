// SPDX-License-Identifier: MIT
// The two doors of the data path, as it sees them: inner packets on one side, datagrams on the other, in batches.
// Behind them are the TUN device and the UDP sockets, or in tests whatever a test needs.
//
// Where several threads move packets (docs/threads.md), one at a time writes, whichever, and for each queue of the
// interface one at a time reads it and one at a time sends what came of it; all else is done by the thread with the
// event loop.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "base/assert.h"
#include "net/tun_device.h"
#include "net/udp_pair.h"

namespace adit::path {

class PacketPort {
 public:
  using Refused = std::function<void(std::size_t, int)>;
  virtual ~PacketPort() = default;
  virtual net::IoResult read(MutableBytes arena, std::vector<net::TunPacket>& packets) = 0;  ///< as TunDevice::read
  /// Each flow's packets are in one of them. Different ones may be read by different threads at the same time.
  virtual std::size_t queues() const { return 1; }
  virtual net::IoResult read_queue(std::size_t queue, MutableBytes arena, std::vector<net::TunPacket>& packets) {
    ADIT_ASSERT(queue == 0);
    return read(arena, packets);
  }
  /// As TunDevice::write.
  virtual net::IoResult write(std::span<const offload::Delivery> deliveries, const Refused& refused) = 0;
  virtual std::uint64_t take_truncated() = 0;  ///< as TunDevice::take_truncated
};

class DatagramPort {
 public:
  virtual ~DatagramPort() = default;
  /// As UdpSocket::receive.
  virtual net::IoResult receive(std::span<const MutableBytes> buffers, std::vector<Datagram>& datagrams) = 0;
  /// As UdpSocket::send.
  virtual net::SendResult send(const Path& path, std::span<const OutboundDatagram> datagrams) = 0;
  /// As UdpSocket::send_whole.
  virtual int send_whole(const Path& path, const OutboundDatagram& datagram) = 0;
  virtual net::LostDatagrams take_lost() = 0;  ///< as UdpSocket::take_lost
};

class TunPort final : public PacketPort {
 public:
  explicit TunPort(net::TunDevice& device) : device_(device) {}
  net::IoResult read(MutableBytes arena, std::vector<net::TunPacket>& packets) override {
    return device_.read(arena, packets);
  }
  std::size_t queues() const override { return device_.queues(); }
  net::IoResult read_queue(std::size_t queue, MutableBytes arena, std::vector<net::TunPacket>& packets) override {
    return device_.read(arena, packets, queue);
  }
  net::IoResult write(std::span<const offload::Delivery> deliveries, const Refused& refused) override {
    return device_.write(deliveries, refused);
  }
  std::uint64_t take_truncated() override { return device_.take_truncated(); }

 private:
  net::TunDevice& device_;
};

/// Both families as one. Reads only sockets that were said to be readable.
class UdpPort final : public DatagramPort {
 public:
  explicit UdpPort(net::UdpPair& pair) : pair_(pair) {}
  void mark_readable(Family family) { (family == Family::v4 ? v4_readable_ : v6_readable_) = true; }

  net::IoResult receive(std::span<const MutableBytes> buffers, std::vector<Datagram>& datagrams) override;
  /// EAFNOSUPPORT when there is no socket of the remote's family.
  net::SendResult send(const Path& path, std::span<const OutboundDatagram> datagrams) override;
  int send_whole(const Path& path, const OutboundDatagram& datagram) override;
  net::LostDatagrams take_lost() override;
  /// While the way to that address leads back to us: what goes there is refused (EHOSTUNREACH). None: nothing is.
  void shut(const std::optional<IpAddress>& address) { shut_ = address ? mark_of(*address) : 0; }
  /// Only what comes by these interfaces is taken, and bears the one it came by as the scope of where it came from, so
  /// that the answer goes there. None: everything is taken as it is.
  void keep_to(std::vector<std::uint32_t> interfaces) { interfaces_ = std::move(interfaces); }

 private:
  /// Never 0. Of two addresses of IPv6 it may be the same, as good as never.
  static std::uint64_t mark_of(const IpAddress& address);
  bool is_shut_for(const Path& path) const {
    const auto mark = shut_.load(std::memory_order_relaxed);
    return mark != 0 && mark == mark_of(path.remote.address);
  }
  std::size_t leave_out_others(std::vector<Datagram>& datagrams, std::size_t first);

  net::UdpPair& pair_;
  bool v4_readable_ = false;
  bool v6_readable_ = false;
  std::atomic<std::uint64_t> shut_ = 0;  ///< mark_of an address: whoever sends asks
  std::vector<std::uint32_t> interfaces_;
  std::uint64_t elsewhere_ = 0;  ///< datagrams that came by another one
};

}  // namespace adit::path
