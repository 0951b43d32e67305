// SPDX-License-Identifier: MIT
// Two hosts' data paths with several workers each, and a wire that sees everything: no nonce twice, nothing out of
// order on the wire, nothing delivered twice or in another order than it was sent, whatever the threads do between two
// steps.
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <thread>

#include "path/two_data_paths.h"

namespace adit::path::test {
namespace {

/// A host's interface, to be written by one thread and read by another. What comes in is numbered in its last bytes.
class SharedTun final : public PacketPort {
 public:
  net::IoResult read(MutableBytes arena, std::vector<net::TunPacket>& packets) override {
    net::IoResult result;
    while (!from_host.empty() && result.count < net::kMostReads &&
           arena.size() >= net::kLargestPacket + net::kReadSlack) {
      const auto& [virtio, bytes] = from_host.front();
      std::ranges::copy(bytes, arena.begin());
      packets.push_back({virtio, arena.first(bytes.size())});
      arena = arena.subspan(bytes.size() + net::kReadSlack);
      from_host.pop_front();
      ++result.count;
    }
    return result;
  }
  net::IoResult write(std::span<const offload::Delivery> deliveries, const Refused&) override {
    EXPECT_FALSE(writing_.exchange(true)) << "two threads write";
    for (const auto& delivery : deliveries) {
      Buffer whole;
      for (const auto piece : delivery.pieces) whole.insert(whole.end(), piece.begin(), piece.end());
      const auto plan = offload::SplitPlan::make(delivery.virtio, whole).value();
      for (std::size_t i = 0; i < plan.segments(); ++i) {
        const auto packet = plan.write_header(whole, i);
        numbers.push_back(load_be32(packet.data() + packet.size() - 4));
      }
    }
    writing_ = false;
    return {.count = deliveries.size()};
  }
  std::uint64_t take_truncated() override { return 0; }

  std::deque<std::pair<offload::VirtioHeader, Buffer>> from_host;
  std::vector<std::uint32_t> numbers;  ///< of what was delivered; to be looked at when nobody works

 private:
  std::atomic<bool> writing_ = false;
};

/// One end of the wire. Whatever is sent is checked, and is in the other's inbox, twice if so wanted.
class SharedUdp final : public DatagramPort {
 public:
  explicit SharedUdp(std::uint32_t seed) : random_(seed) {}

  net::IoResult receive(std::span<const MutableBytes> buffers, std::vector<Datagram>& datagrams) override {
    const std::lock_guard lock(mutex_);
    net::IoResult result;
    while (result.count < buffers.size() && !inbox_.empty()) {
      const auto buffer = buffers[result.count++].first(inbox_.front().size());
      std::ranges::copy(inbox_.front(), buffer.begin());
      datagrams.push_back({{.remote = peer}, buffer, 0});
      inbox_.pop_front();
    }
    return result;
  }
  net::SendResult send(const Path&, std::span<const OutboundDatagram> datagrams) override {
    EXPECT_FALSE(sending_.exchange(true)) << "two threads send";
    net::SendResult result;
    for (const auto& datagram : datagrams) {
      if (full > 0 && random_() % full == 0) {
        result.error = EAGAIN;
        break;
      }
      check(datagram.bytes);
      other->take(datagram.bytes, twice > 0 && random_() % twice == 0);
      ++result.sent;
    }
    sending_ = false;
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
  std::atomic<std::uint32_t> full = 0;   ///< one in so many times there is no room; 0: never
  std::atomic<std::uint32_t> twice = 0;  ///< one in so many datagrams arrives twice
  std::size_t packets = 0;

 private:
  void take(Bytes datagram, bool twice_now) {
    const std::lock_guard lock(mutex_);
    for (int i = 0; i < (twice_now ? 2 : 1); ++i) inbox_.emplace_back(datagram.begin(), datagram.end());
  }
  /// A counter is used once for each session, and they rise: nothing overtakes anything.
  void check(Bytes datagram) {
    if (datagram[0] != 4) return;
    const auto receiver = load_le32(datagram.data() + 4);
    const auto counter = load_le64(datagram.data() + 8);
    const auto [last, is_new] = last_.try_emplace(receiver, counter);
    EXPECT_TRUE(is_new || counter > last->second) << counter << " after " << last->second;
    last->second = counter;
    ++packets;
  }

  std::mutex mutex_;
  std::deque<Buffer> inbox_;
  std::map<std::uint32_t, std::uint64_t> last_;
  std::minstd_rand random_;
  std::atomic<bool> sending_ = false;
};

struct WorkersTest : public DataPathTest, public ::testing::WithParamInterface<std::tuple<std::size_t, std::uint32_t>> {
  WorkersTest() {
    const auto [workers, seed] = GetParam();
    shake_ = [seed] {
      thread_local std::minstd_rand random(seed + static_cast<std::uint32_t>(++threads));
      for (auto yields = random() % 4; yields > 1; --yields) std::this_thread::yield();
    };
    for (auto* end : ends_) {
      end->udp.other = end == &left_ ? &right_.udp : &left_.udp;
      end->udp.peer = end->host.udp.peer;
      end->host.path.emplace(*end->host.tunnel, *end->host.aead, end->tun, end->udp, offload::MergeOptions{},
                             [](const auto&) {});
      end->host.path->set_workers(workers, now_, shake_);
    }
  }
  struct End {
    Host& host;
    SharedTun tun{};
    SharedUdp udp;
    std::uint32_t offered = 0;
  };

  /// A turn of a host's loop, as the Pump has it.
  bool turn(End& end) {
    auto& path = *end.host.path;
    path.catch_up(now_);
    if (path.blocked() != Family::none) path.resume(now_);
    bool busy = path.takes_datagrams() && path.receive(now_).count != 0;
    path.lend_a_hand(now_);
    busy |= path.takes_packets() && path.send(now_).count != 0;
    if (end.host.tunnel->deadline() <= now_) path.tick(now_);
    path.lend_a_hand(now_);
    return busy;
  }
  /// What an end finishes may be for the other one, which has been looked at already.
  void settle() {
    for (bool busy = true; busy;) {
      busy = false;
      for (auto* end : ends_) {
        busy |= turn(*end);
        end->host.path->finish(now_);
      }
      for (auto* end : ends_) {
        busy |= end->host.path->blocked() != Family::none || !end->udp.is_empty() || !end->tun.from_host.empty();
      }
    }
  }
  void connect() {
    left_.host.path->call(left_.udp.peer, now_);
    settle();
    ASSERT_TRUE(left_.host.tunnel->has_session(now_));
  }
  /// Packets of one TCP flow and of others, one by one or as super-packets, numbered by their last bytes.
  void offer(End& end, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      const bool large = random_() % 4 == 0;
      const std::size_t segments = large ? 2 + random_() % 40 : 1;
      auto [virtio, bytes] = super_packet(segments * 1200, 1200);
      if (&end == &right_) std::swap_ranges(bytes.begin() + 12, bytes.begin() + 16, bytes.begin() + 16);
      for (std::size_t segment = 0; segment < segments; ++segment) {
        store_be32(bytes.data() + 40 + (segment + 1) * 1200 - 4, end.offered++);
      }
      if (!large) {
        virtio = {};
        bytes[33] |= 8;  // PSH: not to be merged, its checksum is not right either
      }
      end.tun.from_host.emplace_back(virtio, std::move(bytes));
    }
  }
  void expect_all_in_order() {
    settle();
    for (auto* end : ends_) {
      auto& other = end == &left_ ? right_ : left_;
      std::vector<std::uint32_t> expected(end->offered);
      for (std::uint32_t i = 0; i < end->offered; ++i) expected[i] = i;
      const auto [came, wanted] = std::ranges::mismatch(other.tun.numbers, expected);
      EXPECT_TRUE(came == other.tun.numbers.end() && wanted == expected.end())
          << other.tun.numbers.size() << " of " << expected.size() << " came; the first that is wrong is at "
          << came - other.tun.numbers.begin();
      EXPECT_GE(end->udp.packets, end->offered);
      for (const auto reason : {DropReason::forged, DropReason::send_failed, DropReason::deliver_failed}) {
        EXPECT_EQ(end->host.drops(reason), 0U);
      }
    }
  }

  static inline std::atomic<int> threads = 0;
  HandOverPoint shake_;
  End left_{.host = a_, .udp = SharedUdp(std::get<1>(GetParam()))};
  End right_{.host = b_, .udp = SharedUdp(std::get<1>(GetParam()) + 1)};
  std::array<End*, 2> ends_{&left_, &right_};
  std::minstd_rand random_{std::get<1>(GetParam())};
};

TEST_P(WorkersTest, WhatGoesInComesOutOnceAndInOrder) {
  connect();
  for (int round = 0; round < 12; ++round) {
    for (auto* end : ends_) offer(*end, random_() % 60);
    for (int turns = 0; turns < 4; ++turns) {
      for (auto* end : ends_) turn(*end);
    }
    now_ += std::chrono::milliseconds(10);
  }
  expect_all_in_order();
}

TEST_P(WorkersTest, WhatTheWireDoublesIsDeliveredOnceAndAFullSocketKeepsTheOrder) {
  connect();
  for (auto* end : ends_) {
    end->udp.twice = 3;
    end->udp.full = 20;
  }
  for (int round = 0; round < 10; ++round) {
    for (auto* end : ends_) offer(*end, random_() % 40);
    for (int turns = 0; turns < 4; ++turns) {
      for (auto* end : ends_) turn(*end);
    }
  }
  for (auto* end : ends_) end->udp.full = 0;
  expect_all_in_order();
  EXPECT_GT(left_.host.drops(DropReason::replayed), 0U);
}

TEST_P(WorkersTest, NewKeysLoseNothing) {
  connect();
  const auto began = now_;
  for (int round = 0; round < 40; ++round) {
    for (auto* end : ends_) offer(*end, 5);
    for (int turns = 0; turns < 3; ++turns) {
      for (auto* end : ends_) turn(*end);
    }
    now_ += 10s;  // a handshake every two minutes
  }
  expect_all_in_order();
  EXPECT_GT(left_.host.tunnel->status().handshake_at, began + 240s);
}

TEST_P(WorkersTest, OtherNumbersOfWorkersAndAnotherCipherLoseNothing) {
  connect();
  const std::array<std::size_t, 6> numbers{3, 1, 2, 4, 1, 3};
  const auto another = crypto::make_sodium_aead();
  for (const auto workers : numbers) {
    for (auto* end : ends_) offer(*end, 50);
    for (auto* end : ends_) turn(*end);
    for (auto* end : ends_) {
      end->host.path->set_workers(workers, now_, shake_);
      EXPECT_EQ(end->host.path->workers(), workers);
      end->host.path->set_aead(*another);
    }
    for (auto* end : ends_) turn(*end);
  }
  expect_all_in_order();
}

TEST_P(WorkersTest, WhatIsUnderWayWhenTheSocketIsFullSurvivesThatThereIsOneWorkerOnly) {
  connect();
  offer(left_, 40);
  left_.udp.full = 1;  // always
  for (int turns = 0; turns < 4; ++turns) turn(left_);
  left_.host.path->finish(now_);  // as far as it goes
  EXPECT_EQ(left_.host.path->blocked(), Family::v4);
  EXPECT_FALSE(left_.host.path->takes_packets());
  left_.host.path->set_workers(1, now_);
  EXPECT_EQ(left_.host.path->workers(), 1U);
  turn(left_);
  left_.udp.full = 0;
  expect_all_in_order();
}

TEST_P(WorkersTest, WhatWaitedTooLongIsDroppedAndWhatComesLaterIsNot) {
  connect();
  offer(left_, 40);
  left_.udp.full = 1;
  for (int turns = 0; turns < 4; ++turns) turn(left_);
  left_.host.path->finish(now_);
  turn(left_);
  left_.tun.from_host.clear();
  now_ += Transmitter::kMaxWait + 1s;
  turn(left_);
  left_.host.path->finish(now_);
  left_.udp.full = 0;
  settle();
  EXPECT_GT(left_.host.drops(DropReason::send_failed), 0U);
  const auto before = right_.tun.numbers.size();
  offer(left_, 3);
  settle();
  EXPECT_GE(right_.tun.numbers.size(), before + 3);
  EXPECT_TRUE(std::ranges::is_sorted(right_.tun.numbers));
}

TEST_P(WorkersTest, ItCanEndAtAnyMoment) {
  connect();
  for (auto* end : ends_) offer(*end, 200);
  for (int turns = 0; turns < 3; ++turns) {
    for (auto* end : ends_) turn(*end);
  }
  left_.host.path.reset();
  right_.host.path.reset();
  EXPECT_TRUE(std::ranges::is_sorted(left_.tun.numbers));
  EXPECT_TRUE(std::ranges::is_sorted(right_.tun.numbers));
}

INSTANTIATE_TEST_SUITE_P(Shaken, WorkersTest, ::testing::Combine(::testing::Values(1, 2, 4), ::testing::Values(1U, 2U)),
                         [](const auto& each) {
                           return fmt::format("{}WorkersSeed{}", std::get<0>(each.param), std::get<1>(each.param));
                         });

}  // namespace
}  // namespace adit::path::test
