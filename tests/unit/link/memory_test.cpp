// SPDX-License-Identifier: MIT
// What a link keeps for its next run: EndpointMemory and TimestampKeeper.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "link/endpoint_memory.h"
#include "link/timestamp_keeper.h"
#include "recorded_log.h"
#include "temporary_directory.h"

namespace adit::link {
namespace {

using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;
using ::testing::HasSubstr;

const crypto::PublicKey kPeer{{1, 2, 3}};
const Endpoint kHere = Endpoint::parse("192.0.2.7:51820").value();
const Endpoint kThere = Endpoint::parse("198.51.100.1:4000").value();

class MemoryTest : public ::testing::Test {
 protected:
  MemoryTest() { store_.load(); }
  std::optional<Endpoint> saved() { return service::StateStore(folder_, "boot").load().endpoint_of(kPeer); }
  /// On a busy machine the writer may take longer than anybody waits for it (FileWriter::kPatience).
  template <class Predicate>
  static bool comes_true(Predicate predicate) {
    for (int tries = 0; tries < 3000 && !predicate(); ++tries) std::this_thread::sleep_for(10ms);
    return predicate();
  }
  bool becomes(const Endpoint& endpoint) {
    return comes_true([&] { return saved() == endpoint; });
  }
  /// No file can be made in it any more.
  void break_folder() {
    std::filesystem::remove_all(folder_);
    test::write_file(folder_, "in the way");
  }

  test::TemporaryDirectory directory_;
  std::filesystem::path folder_ = directory_.path() / "office";
  service::StateStore store_{folder_, "boot"};
  test::RecordedLog log_;
  Instant now_{1000s};
};

TEST_F(MemoryTest, AnEndpointIsSavedSoonAndOneThatKeepsMovingSeldom) {
  EndpointMemory memory(store_, kPeer, log_, now_);
  memory.found(kHere);
  memory.save_if_due(now_);
  EXPECT_TRUE(becomes(kHere));
  memory.found(kThere);
  memory.save_if_due(now_ + 1s);
  EXPECT_EQ(saved(), kHere);
  memory.save_if_due(now_ + EndpointMemory::kSaveLimit);
  EXPECT_TRUE(becomes(kThere));
}

TEST_F(MemoryTest, AnEndpointThatFoundNoRoomIsSavedLater) {
  EndpointMemory memory(store_, kPeer, log_, now_);
  break_folder();
  memory.found(kHere);
  memory.save_if_due(now_);
  std::filesystem::remove(folder_);
  std::filesystem::create_directory(folder_);
  memory.save_if_due(now_ + EndpointMemory::kSaveLimit);
  EXPECT_TRUE(becomes(kHere));
}

TEST_F(MemoryTest, WhatWasFoundLastIsSavedAtTheEnd) {
  {
    EndpointMemory memory(store_, kPeer, log_, now_);
    memory.found(kHere);
    memory.save_if_due(now_);
    memory.found(kThere);
  }
  EXPECT_TRUE(becomes(kThere));
}

TEST_F(MemoryTest, ATimestampIsOnDiskWhenItHasBeenKept) {
  TimestampKeeper keeper(store_, store_.load(), log_);
  const auto stamp = noise::Tai64n::from({1'700'000'000s});
  keeper.keep(stamp);
  EXPECT_EQ(keeper.last(), stamp);
  EXPECT_TRUE(comes_true([&] { return service::StateStore(folder_, "boot").load().timestamp == stamp; }));
}

TEST_F(MemoryTest, ATimestampThatCannotBeKeptIsTalkedOfOnceAndInUseAllTheSame) {
  TimestampKeeper keeper(store_, store_.load(), log_);
  break_folder();
  const auto stamp = noise::Tai64n::from({1'700'000'000s});
  keeper.keep(stamp);
  keeper.keep(stamp);
  EXPECT_EQ(keeper.last(), stamp);
  const auto lines = log_.take_lines();
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_THAT(lines[0], HasSubstr("the peer will refuse handshakes"));
}

TEST_F(MemoryTest, ThePeersNewestInitiationIsKeptForThatPeerAlone) {
  crypto::PublicKey peer;
  peer.bytes.fill(1);
  crypto::PublicKey other;
  other.bytes.fill(2);
  const auto stamp = noise::Tai64n::from({1'700'000'000s});
  {
    service::StateStore store(folder_, "boot");
    TimestampKeeper keeper(store, store.load(), log_);
    keeper.note_peers(peer, {});
    EXPECT_EQ(keeper.newest_of(peer), noise::Tai64n{}) << "none was taken yet";
    keeper.note_peers(peer, stamp);
    EXPECT_EQ(keeper.newest_of(peer), stamp);
  }  // the folder's files are written
  TimestampKeeper next(store_, store_.load(), log_);
  EXPECT_EQ(next.newest_of(peer), stamp);
  EXPECT_EQ(next.newest_of(other), noise::Tai64n{});
  EXPECT_THAT(log_.take_lines(), ::testing::IsEmpty());
}

}  // namespace
}  // namespace adit::link
