// SPDX-License-Identifier: MIT
// An interface and a wire in memory that cost what system calls cost on this machine.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>
#include <vector>

#include "crypto/aead.h"
#include "packets.h"
#include "path/ports.h"
#include "scale_costs.h"

namespace adit::bench {

using Clock = std::chrono::steady_clock;

inline constexpr offload::VirtioHeader kSuperTcp{.flags = offload::VirtioHeader::kNeedsChecksum,
                                                 .gso_type = static_cast<std::uint8_t>(offload::GsoType::tcp4),
                                                 .header_size = 52,
                                                 .segment_size = kSegment,
                                                 .checksum_start = 20,
                                                 .checksum_offset = 16};

/// Of kPayload bytes. `traffic_class`: is copied to the datagrams.
inline Buffer super_packet(std::uint16_t port = 1000, std::uint8_t traffic_class = 0) {
  const offload::test::Recipe recipe{.tcp_options = 12,
                                     .tos = traffic_class,
                                     .v4_addresses = {10, 9, 0, 1, 10, 9, 0, 2},
                                     .source_port = port,
                                     .payload = Buffer(kPayload)};
  return offload::test::with_partial_checksum(offload::test::build(recipe));
}

/// Processor time that a port takes, with what the bench itself does there.
class Meter {
 public:
  template <class Work>
  auto operator()(const Work& work) {
    const auto before = thread_ns();
    const auto result = work();
    ns_ += static_cast<std::uint64_t>(thread_ns() - before);
    return result;
  }
  double take() { return static_cast<double>(ns_.exchange(0)); }

 private:
  std::atomic<std::uint64_t> ns_ = 0;
};

/// What opening takes where it is done, with the caches as they are there.
class MeteredAead final : public crypto::Aead {
 public:
  explicit MeteredAead(const crypto::Aead& real) : real_(real) {}
  std::string_view name() const override { return real_.name(); }
  void seal(std::span<const crypto::SealJob> jobs) const override { real_.seal(jobs); }
  void open(std::span<crypto::OpenJob> jobs) const override {
    opening([&] {
      real_.open(jobs);
      return 0;
    });
  }
  mutable Meter opening;

 private:
  const crypto::Aead& real_;
};

/// When each super-packet of a queue was read, and how long after that its last segment was sent. Written by one thread
/// while another reads what was written before: their place does not move.
struct Lags {
  void begin(std::size_t most) {
    read.assign(most, {});
    reads = sent = 0;
    lags.clear();
    lags.reserve(most);
  }
  void note_read() { read[reads++] = Clock::now(); }
  void note_sent(std::size_t parts) {
    if (++sent % parts != 0) return;
    const std::chrono::duration<double, std::micro> lag = Clock::now() - read[lags.size()];
    lags.push_back(lag.count());
  }
  std::vector<Clock::time_point> read;
  std::size_t reads = 0;
  std::size_t sent = 0;
  std::vector<double> lags;  ///< µs
};

/// A host that always has more to send, from so many flows in so many queues; and that takes what comes.
class BusyTun final : public path::PacketPort {
 public:
  BusyTun(const Spender& spender, const Costs& costs, std::size_t flows, std::size_t queues)
      : spender_(spender), costs_(costs), queues_(queues) {
    for (std::size_t flow = 0; flow < flows; ++flow) {
      const auto queue = flow % queues;
      queues_[queue].packets.push_back(
          super_packet(static_cast<std::uint16_t>(10'000 + flow), static_cast<std::uint8_t>(queue << 2)));
    }
  }
  /// Super-packets, from all queues alike that have flows.
  void offer(std::size_t supers) {
    const auto used = used_queues();
    for (std::size_t i = 0; i < used; ++i) queues_[i].left = supers / used + (i < supers % used ? 1 : 0);
  }
  std::size_t used_queues() const {
    return static_cast<std::size_t>(
        std::ranges::count_if(queues_, [](const auto& queue) { return !queue.packets.empty(); }));
  }
  bool has_packets(std::size_t queue) const { return queues_[queue].left > 0; }
  bool has_packets() const {
    return std::ranges::any_of(queues_, [](const auto& queue) { return queue.left > 0; });
  }

  net::IoResult read(MutableBytes arena, std::vector<net::TunPacket>& packets) override {
    return read_queue(0, arena, packets);
  }
  std::size_t queues() const override { return queues_.size(); }
  net::IoResult read_queue(std::size_t number, MutableBytes arena, std::vector<net::TunPacket>& packets) override {
    return reading([&] { return fill(number, arena, packets); });
  }
  net::IoResult write(std::span<const offload::Delivery> deliveries, const Refused&) override {
    return writing([&] {
      for (const auto& delivery : deliveries) {
        spender_.spend(costs_.tun_write * static_cast<double>(delivery.packets) / kSegments);
        written += delivery.packets;
      }
      return net::IoResult{.count = deliveries.size()};
    });
  }
  std::uint64_t take_truncated() override { return 0; }

  bool lone = false;  ///< small packets instead of large ones
  std::atomic<std::size_t> written = 0;
  std::vector<Lags>* lags = nullptr;  ///< of each queue
  Meter reading;
  Meter writing;

 private:
  net::IoResult fill(std::size_t number, MutableBytes arena, std::vector<net::TunPacket>& packets) {
    auto& queue = queues_[number];
    net::IoResult result;
    while (queue.left > 0 && arena.size() >= net::kLargestPacket + net::kReadSlack) {
      const auto whole = Bytes(queue.packets[queue.next++ % queue.packets.size()]);
      const auto packet = lone ? whole.first(84) : whole;
      spender_.spend(costs_.tun_read * static_cast<double>(packet.size()) / static_cast<double>(whole.size()),
                     [&] { std::memcpy(arena.data(), packet.data(), packet.size()); });
      if (lone) store_be16(arena.data() + 2, 84);
      packets.push_back({lone ? offload::VirtioHeader{} : kSuperTcp, arena.first(packet.size())});
      arena = arena.subspan((packet.size() + net::kReadSlack + 63) / 64 * 64);
      if (lags != nullptr) (*lags)[number].note_read();
      --queue.left;
      ++result.count;
    }
    return result;
  }
  struct Queue {
    std::vector<Buffer> packets;
    std::size_t next = 0;
    std::atomic<std::size_t> left = 0;
  };

  const Spender& spender_;
  const Costs& costs_;
  std::vector<Queue> queues_;
};

/// Datagrams, one behind the other.
struct Heap {
  void add(Bytes datagram) {
    bytes.insert(bytes.end(), datagram.begin(), datagram.end());
    ends.push_back(bytes.size());
  }
  Buffer bytes;
  std::vector<std::size_t> ends;
};

class Wire final : public path::DatagramPort {
 public:
  Wire(const Spender& spender, const Costs& costs) : spender_(spender), costs_(costs) {}
  net::IoResult receive(std::span<const MutableBytes> buffers, std::vector<Datagram>& datagrams) override {
    return receiving([&] { return take_up(buffers, datagrams); });
  }
  net::SendResult send(const Path&, std::span<const OutboundDatagram> datagrams) override {
    return sending([&] { return take(datagrams); });
  }
  int send_whole(const Path& path, const OutboundDatagram& datagram) override {
    return send(path, {&datagram, 1}).sent == 1 ? 0 : EAGAIN;
  }
  net::LostDatagrams take_lost() override { return {}; }
  void deliver(Heap heap) {
    inbox_ = std::move(heap);
    next_ = 0;
  }
  bool is_empty() const { return next_ == inbox_.ends.size(); }

  Endpoint peer = Endpoint::parse("192.0.2.1:51820").value();
  bool keeps = true;  ///< while one thread sends
  Heap kept;          ///< what was sent
  std::atomic<std::size_t> sent = 0;
  std::vector<Lags>* lags = nullptr;
  std::size_t parts = kSegments;  ///< datagrams that a packet becomes
  Meter receiving;
  Meter sending;

 private:
  net::IoResult take_up(std::span<const MutableBytes> buffers, std::vector<Datagram>& datagrams) {
    net::IoResult result;
    for (const auto buffer : buffers) {
      std::size_t count = 0;
      const auto cost =
          costs_.udp_receive * static_cast<double>(std::min(kSegments, inbox_.ends.size() - next_)) / kSegments;
      if (next_ == inbox_.ends.size()) break;
      spender_.spend(cost, [&] { count = fill(buffer, datagrams); });
      result.count += count;
    }
    return result;
  }
  net::SendResult take(std::span<const OutboundDatagram> datagrams) {
    spender_.spend(costs_.udp_send * static_cast<double>(datagrams.size()) / kSegments);
    for (const auto& datagram : datagrams) {
      if (keeps) kept.add(datagram.bytes);
      if (lags != nullptr) (*lags)[datagram.traffic_class >> 2].note_sent(parts);
      ++sent;
    }
    return {.sent = datagrams.size()};
  }
  /// As many as the kernel hands over in one piece.
  std::size_t fill(MutableBytes buffer, std::vector<Datagram>& datagrams) {
    std::size_t used = 0;
    std::size_t count = 0;
    for (; count < kSegments && next_ < inbox_.ends.size(); ++count, ++next_) {
      const auto begin = next_ == 0 ? 0 : inbox_.ends[next_ - 1];
      const auto datagram = Bytes(inbox_.bytes).subspan(begin, inbox_.ends[next_] - begin);
      if (used + datagram.size() > buffer.size()) break;
      std::memcpy(buffer.data() + used, datagram.data(), datagram.size());
      datagrams.push_back({{.remote = peer}, buffer.subspan(used, datagram.size())});
      used += datagram.size();
    }
    return count;
  }

  const Spender& spender_;
  const Costs& costs_;
  Heap inbox_;
  std::size_t next_ = 0;
};

}  // namespace adit::bench
