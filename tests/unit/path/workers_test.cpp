// SPDX-License-Identifier: MIT
// Two hosts' data paths with several workers each, with interfaces of one queue and of several, and a wire that sees
// everything: no nonce twice, nothing out of order on the wire (or too far out of it, where there are several queues),
// nothing delivered twice, and nothing of a flow in another order than it was sent, whatever the threads do between two
// steps.
#include <poll.h>

#include <thread>

#include "no_descriptors.h"
#include "path/shared_ports.h"
#include "path/two_data_paths.h"

namespace adit::path::test {
namespace {

/// Workers, queues of the interface, seed.
using Case = std::tuple<std::size_t, std::size_t, std::uint32_t>;

struct WorkersTest : public DataPathTest, public ::testing::WithParamInterface<Case> {
  WorkersTest() {
    const auto [workers, queues, seed] = GetParam();
    shake_ = [seed] {
      thread_local std::minstd_rand random(seed + static_cast<std::uint32_t>(++threads));
      for (auto yields = random() % 4; yields > 1; --yields) std::this_thread::yield();
    };
    for (auto* end : ends_) {
      end->udp.other = end == &left_ ? &right_.udp : &left_.udp;
      end->udp.peer = end->host.udp.peer;
      begin(*end, workers);
    }
  }
  struct End {
    Host& host;
    SharedTun tun;
    SharedUdp udp;
    SharedTun::Flows offered{};  ///< how many packets of each
  };

  void begin(End& end, std::size_t workers) {
    end.host.path.emplace(*end.host.tunnel, *end.host.aead, end.tun, end.udp, offload::MergeOptions{},
                          [](const auto&) {});
    end.host.path->set_workers(workers, now_, shake_);
  }
  /// As by a restart without a gap: another tunnel and another data path go on with the session.
  void succeed(End& end, std::size_t workers) {
    auto& host = end.host;
    tunnel::SavedTunnelHolder holder;
    host.path->finish(now_);
    host.tunnel->hand_over(holder.saved);
    auto key = host.tunnel->private_key().clone();
    host.path.reset();
    start(host, std::move(key), holder.saved.peer_key);
    ASSERT_TRUE(host.tunnel->take_over(holder.saved, now_));
    begin(end, workers);
  }

  /// A turn of a host's loop, as the Pump has it.
  bool turn(End& end) {
    auto& path = *end.host.path;
    path.catch_up(now_);
    if (path.blocked() != Family::none) path.resume(now_);
    bool busy = path.takes_datagrams() && path.receive(now_).count != 0;
    path.lend_a_hand(now_);
    for (std::size_t queue = 0; queue < end.tun.queues(); ++queue) {
      if (!end.tun.is_empty(queue)) path.packets_wait(queue);
    }
    const auto sent = path.takes_packets() ? path.send(now_) : net::IoResult{};
    EXPECT_EQ(sent.error, 0);
    busy |= sent.count != 0;
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
        busy |= end->host.path->blocked() != Family::none || !end->udp.is_empty() || !end->tun.is_empty();
      }
    }
  }
  void connect() {
    left_.host.path->call(left_.udp.peer, now_);
    settle();
    ASSERT_TRUE(left_.host.tunnel->has_session(now_));
  }
  /// Packets of several TCP flows, one by one or as super-packets; each segment bears its number in the flow at its
  /// end.
  void offer(End& end, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      const bool large = random_() % 4 == 0;
      const std::size_t segments = large ? 2 + random_() % 40 : 1;
      const auto flow = random_() % SharedTun::kFlows;
      auto [virtio, bytes] = super_packet(segments * 1200, 1200);
      SharedTun::mark(bytes, flow);
      if (&end == &right_) std::swap_ranges(bytes.begin() + 12, bytes.begin() + 16, bytes.begin() + 16);
      for (std::size_t segment = 0; segment < segments; ++segment) {
        store_be32(bytes.data() + 40 + (segment + 1) * 1200 - 4, end.offered[flow]++);
      }
      if (!large) {
        virtio = {};
        bytes[33] |= 8;  // PSH: not to be merged, its checksum is not right either
      }
      end.tun.offer(flow, virtio, std::move(bytes));
    }
  }
  /// Connected, with more on its way to the right than there is any room for.
  void fill_the_socket() {
    connect();
    offer(left_, 40);
    left_.udp.full = 1;  // always
    for (int turns = 0; turns < 4; ++turns) turn(left_);
    left_.host.path->finish(now_);  // as far as it goes
  }
  /// It came from no queue.
  void let_a_keepalive_wait(End& end) {
    end.host.path->set_keepalive(1s, now_);
    now_ += 2s;
    end.host.path->tick(now_);
  }
  void expect_all_in_order() {
    settle();
    for (auto* end : ends_) {
      const auto& other = end == &left_ ? right_ : left_;
      EXPECT_THAT(other.tun.came, ElementsAreArray(end->offered));
      EXPECT_EQ(other.tun.out_of_order, 0U);
      EXPECT_GE(end->udp.packets, other.tun.total());
      for (const auto reason : {DropReason::forged, DropReason::send_failed, DropReason::deliver_failed}) {
        EXPECT_EQ(end->host.drops(reason), 0U);
      }
    }
  }

  static inline std::atomic<int> threads = 0;
  HandOverPoint shake_;
  const std::size_t queues_ = std::get<1>(GetParam());
  const std::uint32_t seed_ = std::get<2>(GetParam());
  End left_{.host = a_, .tun = SharedTun(queues_), .udp = SharedUdp(queues_, seed_)};
  End right_{.host = b_, .tun = SharedTun(queues_), .udp = SharedUdp(queues_, seed_ + 1)};
  std::array<End*, 2> ends_{&left_, &right_};
  std::minstd_rand random_{seed_};
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
    settle();     // nobody who is late by a moment is late by ten seconds
    now_ += 10s;  // a handshake every two minutes
  }
  expect_all_in_order();
  EXPECT_GT(left_.host.tunnel->status().handshake_at, began + 240s);
}

TEST_P(WorkersTest, SuccessorsLoseNothingAndUseNoCounterTwice) {
  connect();
  const auto handshake = left_.host.tunnel->status().handshake_at;
  for (const std::size_t workers : {2, 1, 3}) {
    for (auto* end : ends_) offer(*end, 30);
    for (auto* end : ends_) turn(*end);
    for (auto* end : ends_) succeed(*end, workers);
    for (auto* end : ends_) turn(*end);
  }
  expect_all_in_order();
  EXPECT_EQ(left_.host.tunnel->status().handshake_at, handshake);
}

TEST_P(WorkersTest, WhateverAWireDoesNothingComesTwiceOrDamaged) {
  connect();
  for (auto* end : ends_) {
    end->tun.gaps_are_fine = true;
    end->udp.lost = 10;
    end->udp.damaged = 20;
    end->udp.twice = 5;
    end->udp.shuffled = 4;
  }
  const auto began = now_;
  for (int round = 0; round < 40; ++round) {
    for (auto* end : ends_) offer(*end, random_() % 8);
    for (int turns = 0; turns < 3; ++turns) {
      for (auto* end : ends_) turn(*end);
    }
    now_ += 7s;
  }
  for (auto* end : ends_) end->udp.lost = end->udp.damaged = end->udp.twice = end->udp.shuffled = 0;
  for (int round = 0; round < 20; ++round) {  // longer than an unanswered handshake waits
    now_ += 1s;
    settle();
  }
  ASSERT_TRUE(left_.host.tunnel->has_session(now_));
  EXPECT_GT(left_.host.tunnel->status().handshake_at, began) << "new keys in the midst of it";
  for (auto* end : ends_) {
    const auto& other = end == &left_ ? right_ : left_;
    const auto before = other.tun.total();
    EXPECT_EQ(other.tun.came_twice, 0U);
    EXPECT_GT(before, 100U);
    for (std::size_t flow = 0; flow < SharedTun::kFlows; ++flow) EXPECT_LE(other.tun.came[flow], end->offered[flow]);
    offer(*end, 5);
    settle();
    EXPECT_GE(other.tun.total(), before + 5);
    EXPECT_GT(other.host.drops(DropReason::forged), 0U);
    EXPECT_GT(other.host.drops(DropReason::replayed), 0U);
  }
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

TEST_P(WorkersTest, WithoutADescriptorForTheOthersItGoesOnAlone) {
  connect();
  auto& path = *left_.host.path;
  path.set_workers(1, now_);
  {
    const adit::test::NoDescriptors none;
    path.set_workers(3, now_, shake_);
  }
  EXPECT_EQ(path.workers(), 1U);
  offer(left_, 20);
  expect_all_in_order();
}

TEST_P(WorkersTest, WhatIsUnderWayWhenTheSocketIsFullSurvivesThatThereIsOneWorkerOnly) {
  fill_the_socket();
  EXPECT_EQ(left_.host.path->blocked(), Family::v4);
  EXPECT_FALSE(left_.host.path->takes_packets());
  left_.host.path->set_workers(1, now_);
  EXPECT_EQ(left_.host.path->workers(), 1U);
  turn(left_);
  left_.udp.full = 0;
  expect_all_in_order();
}

TEST_P(WorkersTest, WhatComesWhenTheSocketIsFullSurvivesThatThereIsOneWorkerOnly) {
  fill_the_socket();
  left_.host.path->set_workers(1, now_);
  let_a_keepalive_wait(left_);
  left_.udp.full = 0;
  expect_all_in_order();
}

TEST_P(WorkersTest, WhatWaitsForOthersGoesOnWhenTheyHaveLeft) {
  fill_the_socket();
  auto& path = *left_.host.path;
  ASSERT_EQ(path.blocked(), Family::v4);
  let_a_keepalive_wait(left_);
  left_.udp.full = 0;
  // As the Pump has it when something else than the room in the socket has woken it. Alone, it waits for that room.
  while (path.bell() >= 0 && !path.takes_packets()) {
    path.heard();
    path.catch_up(now_);
    path.lend_a_hand(now_);
    path.expect_news();
    if (path.takes_packets()) break;
    pollfd bell{.fd = path.bell(), .events = POLLIN, .revents = 0};
    ASSERT_EQ(poll(&bell, 1, 10'000), 1) << "nobody wakes the owner, and it reads nothing";
  }
  expect_all_in_order();
}

TEST_P(WorkersTest, WhoSendsInSpiteOfAFullSocketForgetsNothing) {
  fill_the_socket();
  auto& path = *left_.host.path;
  offer(left_, 3);
  for (std::size_t queue = 0; queue < left_.tun.queues(); ++queue) path.packets_wait(queue);
  ASSERT_FALSE(path.takes_packets());
  EXPECT_EQ(path.send(now_).count, 0U);
  EXPECT_TRUE(path.has_ready_queue());
  left_.udp.full = 0;
  expect_all_in_order();
}

TEST_P(WorkersTest, WhatIsGivenUpAtTheEndIsCounted) {
  right_.tun.gaps_are_fine = true;
  fill_the_socket();
  left_.host.path->give_up(now_);
  const auto lost = left_.host.drops(DropReason::send_failed);
  EXPECT_GT(lost, 0U);
  EXPECT_EQ(left_.host.path->blocked(), Family::none);
  left_.udp.full = 0;
  settle();
  std::size_t offered = 0;
  for (const auto flow : left_.offered) offered += flow;
  EXPECT_EQ(right_.tun.total() + lost, offered);
}

TEST_P(WorkersTest, WhatWaitedTooLongIsDroppedAndWhatComesLaterIsNot) {
  right_.tun.gaps_are_fine = true;
  connect();
  offer(left_, 40);
  left_.udp.full = 1;
  for (int turns = 0; turns < 4; ++turns) turn(left_);
  left_.host.path->finish(now_);
  turn(left_);
  left_.tun.clear();
  now_ += Transmitter::kMaxWait + 1s;
  turn(left_);
  left_.host.path->finish(now_);
  left_.udp.full = 0;
  settle();
  EXPECT_GT(left_.host.drops(DropReason::send_failed), 0U);
  const auto before = right_.tun.total();
  offer(left_, 3);
  settle();
  EXPECT_GE(right_.tun.total(), before + 3);
  EXPECT_EQ(right_.tun.out_of_order, 0U);
}

TEST_P(WorkersTest, ItCanEndAtAnyMoment) {
  connect();
  for (auto* end : ends_) offer(*end, 200);
  for (int turns = 0; turns < 3; ++turns) {
    for (auto* end : ends_) turn(*end);
  }
  left_.host.path.reset();
  right_.host.path.reset();
  EXPECT_EQ(left_.tun.out_of_order, 0U);
  EXPECT_EQ(right_.tun.out_of_order, 0U);
}

std::string name_of(const ::testing::TestParamInfo<Case>& info) {
  const auto [workers, queues, seed] = info.param;
  return fmt::format("{}Workers{}QueuesSeed{}", workers, queues, seed);
}

// Not all with all: on a busy machine each hand-over costs a turn of the scheduler.
INSTANTIATE_TEST_SUITE_P(Shaken, WorkersTest,
                         ::testing::Values(Case{1, 1, 1}, Case{2, 1, 1}, Case{4, 1, 2}, Case{1, 3, 1}, Case{2, 3, 1},
                                           Case{4, 3, 2}),
                         name_of);

}  // namespace
}  // namespace adit::path::test
