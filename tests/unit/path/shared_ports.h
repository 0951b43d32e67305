// SPDX-License-Identifier: MIT
// An interface and a wire for data paths with several threads, which check what may never happen: two threads at one
// queue, a counter that is used twice, a packet of a flow before an earlier one.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <deque>
#include <map>
#include <mutex>
#include <numeric>
#include <optional>
#include <random>
#include <set>
#include <utility>
#include <vector>

#include "offload/split.h"
#include "path/ports.h"

namespace adit::path::test {

/// Each TCP flow, told apart by its source port, is in one of the queues. Each segment has its number in its last
/// bytes.
class SharedTun final : public PacketPort {
 public:
  static constexpr std::size_t kFlows = 7;
  using Flows = std::array<std::uint32_t, kFlows>;

  explicit SharedTun(std::size_t queues) : queues_(queues), reading_(queues) {}

  net::IoResult read(MutableBytes arena, std::vector<net::TunPacket>& packets) override {
    return read_queue(0, arena, packets);
  }
  std::size_t queues() const override { return queues_.size(); }
  net::IoResult read_queue(std::size_t queue, MutableBytes arena, std::vector<net::TunPacket>& packets) override {
    EXPECT_FALSE(reading_[queue].exchange(true)) << "two threads read a queue";
    net::IoResult result;
    while (result.count < net::kMostReads && arena.size() >= net::kLargestPacket + net::kReadSlack) {
      const auto next = take(queue);
      if (!next) break;
      const auto& [virtio, bytes] = *next;
      std::ranges::copy(bytes, arena.begin());
      packets.push_back({virtio, arena.first(bytes.size())});
      arena = arena.subspan(bytes.size() + net::kReadSlack);
      ++result.count;
    }
    reading_[queue] = false;
    return result;
  }
  net::IoResult write(std::span<const offload::Delivery> deliveries, const Refused&) override {
    EXPECT_FALSE(writing_.exchange(true)) << "two threads write";
    for (const auto& delivery : deliveries) {
      std::vector<std::uint8_t> whole;
      for (const auto piece : delivery.pieces) whole.insert(whole.end(), piece.begin(), piece.end());
      const auto plan = offload::SplitPlan::make(delivery.virtio, whole).value();
      for (std::size_t i = 0; i < plan.segments(); ++i) note(plan.write_header(whole, i));
    }
    writing_ = false;
    return {.count = deliveries.size()};
  }
  std::uint64_t take_truncated() override { return 0; }

  static void mark(std::vector<std::uint8_t>& packet, std::size_t flow) {
    store_be16(packet.data() + kSourcePort, static_cast<std::uint16_t>(kFirstPort + flow));
  }
  void offer(std::size_t flow, const offload::VirtioHeader& virtio, std::vector<std::uint8_t> packet) {
    const std::lock_guard lock(mutex_);
    queues_[flow % queues_.size()].emplace_back(virtio, std::move(packet));
  }
  bool is_empty(std::size_t queue) {
    const std::lock_guard lock(mutex_);
    return queues_[queue].empty();
  }
  bool is_empty() {
    const std::lock_guard lock(mutex_);
    return std::ranges::all_of(queues_, [](const auto& queue) { return queue.empty(); });
  }
  void clear() {
    const std::lock_guard lock(mutex_);
    for (auto& queue : queues_) queue.clear();
  }
  std::size_t total() const { return std::accumulate(came.begin(), came.end(), std::size_t{0}); }

  // What was delivered; to be looked at when nobody works.
  Flows came{};
  std::size_t out_of_order = 0;
  std::size_t came_twice = 0;
  bool gaps_are_fine = false;

 private:
  using Packet = std::pair<offload::VirtioHeader, std::vector<std::uint8_t>>;
  static constexpr std::size_t kSourcePort = 20;
  static constexpr std::size_t kFirstPort = 10'000;

  std::optional<Packet> take(std::size_t queue) {
    const std::lock_guard lock(mutex_);
    if (queues_[queue].empty()) return std::nullopt;
    auto packet = std::move(queues_[queue].front());
    queues_[queue].pop_front();
    return packet;
  }
  void note(Bytes packet) {
    const auto flow = static_cast<std::size_t>(load_be16(packet.data() + kSourcePort)) - kFirstPort;
    ASSERT_LT(flow, kFlows) << "nobody has sent that";
    const auto number = load_be32(packet.data() + packet.size() - 4);
    if (!seen_[flow].insert(number).second) ++came_twice;
    if (gaps_are_fine ? number < next_[flow] : number != next_[flow]) ++out_of_order;
    next_[flow] = number + 1;
    ++came[flow];
  }

  std::mutex mutex_;
  std::vector<std::deque<Packet>> queues_;
  std::vector<std::atomic<bool>> reading_;
  std::atomic<bool> writing_ = false;
  Flows next_{};
  std::array<std::set<std::uint32_t>, kFlows> seen_;
};

/// One end of the wire. Whatever is sent is checked, and is in the other's inbox, twice if so wanted.
class SharedUdp final : public DatagramPort {
 public:
  /// By so many threads at once it may be used to send.
  SharedUdp(std::size_t senders, std::uint32_t seed) : senders_(senders), random_(seed) {}

  net::IoResult receive(std::span<const MutableBytes> buffers, std::vector<Datagram>& datagrams) override {
    const std::lock_guard lock(mutex_);
    net::IoResult result;
    while (result.count < buffers.size() && !inbox_.empty()) {
      auto message = buffers[result.count++];
      // Of several datagrams, now and then, as the kernel does: a batch has many packets then.
      for (auto left = happens(4) ? kMostInOne : 1; left > 0 && !inbox_.empty(); --left) {
        const auto next =
            inbox_.begin() + (happens(shuffled) ? std::min<std::ptrdiff_t>(5, std::ssize(inbox_) - 1) : 0);
        if (next->size() > message.size()) break;
        const auto datagram = message.first(next->size());
        std::ranges::copy(*next, datagram.begin());
        datagrams.push_back({{.remote = peer}, datagram, 0});
        message = message.subspan(datagram.size());
        inbox_.erase(next);
      }
    }
    return result;
  }
  net::SendResult send(const Path&, std::span<const OutboundDatagram> datagrams) override {
    EXPECT_LT(sending_.fetch_add(1), senders_) << "too many threads send";
    net::SendResult result;
    for (const auto& datagram : datagrams) {
      if (happens(full)) {
        result.error = EAGAIN;
        break;
      }
      check(datagram.bytes);
      ++result.sent;
      if (happens(lost)) continue;
      other->take(datagram.bytes, happens(twice), happens(damaged));
    }
    --sending_;
    return result;
  }
  int send_whole(const Path& path, const OutboundDatagram& datagram) override {
    return send(path, {&datagram, 1}).sent == 1 ? 0 : EAGAIN;
  }
  net::LostDatagrams take_lost() override { return {}; }
  bool is_empty() {
    const std::lock_guard lock(mutex_);
    return inbox_.empty();
  }

  SharedUdp* other = nullptr;
  Endpoint peer;
  std::atomic<std::uint32_t> full = 0;  ///< one in so many times there is no room; 0: never
  // What becomes of one in so many datagrams.
  std::atomic<std::uint32_t> twice = 0;
  std::atomic<std::uint32_t> lost = 0;
  std::atomic<std::uint32_t> damaged = 0;
  std::atomic<std::uint32_t> shuffled = 0;  ///< comes before others that were sent before it
  std::atomic<std::size_t> packets = 0;

 private:
  /// Of the peer: BoringTun's, the narrowest.
  static constexpr std::uint64_t kReplayWindow = 1024;
  static constexpr int kMostInOne = 40;
  struct Counters {
    std::uint64_t latest = 0;
    std::set<std::uint64_t> used;
  };

  bool happens(std::uint32_t one_in) {
    const std::lock_guard lock(checks_);
    return one_in > 0 && random_() % one_in == 0;
  }
  void take(Bytes datagram, bool twice_now, bool damaged_now) {
    const std::lock_guard lock(mutex_);
    for (int i = 0; i < (twice_now ? 2 : 1); ++i) inbox_.emplace_back(datagram.begin(), datagram.end());
    if (damaged_now) inbox_.back()[datagram.size() / 2] ^= 0x10;
  }
  /// A counter is used once for each session; where one at a time sends they rise: nothing overtakes anything.
  void check(Bytes datagram) {
    if (datagram[0] != 4) return;
    const std::lock_guard lock(checks_);
    const auto counter = load_le64(datagram.data() + 8);
    auto& [latest, used] = counters_[load_le32(datagram.data() + 4)];
    EXPECT_TRUE(used.insert(counter).second) << counter << " was used before";
    EXPECT_LT(latest, counter + (senders_ == 1 ? 1 : kReplayWindow)) << counter << " after " << latest;
    latest = std::max(latest, counter);
    ++packets;
  }

  const std::size_t senders_;
  std::mutex mutex_;
  std::deque<std::vector<std::uint8_t>> inbox_;
  std::mutex checks_;
  std::map<std::uint32_t, Counters> counters_;
  std::minstd_rand random_;
  std::atomic<std::size_t> sending_ = 0;
};

}  // namespace adit::path::test
