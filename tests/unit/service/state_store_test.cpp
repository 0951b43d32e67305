// SPDX-License-Identifier: MIT
#include "service/state_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>

#include "temporary_directory.h"

namespace adit::service {
namespace {

using std::chrono_literals::operator""s;
using test::read_file;
using test::TemporaryDirectory;
using test::write_file;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;
using ::testing::UnorderedElementsAre;

const crypto::PublicKey kPeer{{1, 2, 3}};
const noise::Tai64n kStamp = noise::Tai64n::from({1'700'000'000s});
constexpr const char* kBoot = "5d6f7d2a-0000-4000-8000-000000000001";
constexpr const char* kOtherBoot = "5d6f7d2a-0000-4000-8000-000000000002";

/// Waits for a busy machine's disk.
struct PatientStore : StateStore {
  PatientStore(std::filesystem::path directory, std::string boot)
      : StateStore(std::move(directory), std::move(boot), 60s) {}
};

class StateStoreTest : public ::testing::Test {
 protected:
  TemporaryDirectory temporary_;
  std::filesystem::path directory_ = temporary_.path() / "state" / "office";
};

TEST_F(StateStoreTest, NothingSavedYetIsNothingToWarnOf) {
  const auto loaded = PatientStore(directory_, kBoot).load();
  EXPECT_EQ(loaded.timestamp, noise::Tai64n{});
  EXPECT_EQ(loaded.endpoint, std::nullopt);
  EXPECT_THAT(loaded.warnings, IsEmpty());
}

TEST_F(StateStoreTest, OnlyItsOwnerMayLookIntoTheFolder) {
  PatientStore(directory_, kBoot).load();
  EXPECT_EQ(std::filesystem::status(directory_).permissions(), std::filesystem::perms::owner_all);
}

TEST_F(StateStoreTest, WithinABootTheTimestampComesBackAsItWas) {
  PatientStore store(directory_, kBoot);
  store.load();
  ASSERT_TRUE(store.save_timestamp(kStamp));
  EXPECT_EQ(PatientStore(directory_, kBoot).load().timestamp, kStamp);
  EXPECT_EQ(PatientStore(directory_, kBoot).load().timestamp, kStamp) << "loading adds nothing";
}

TEST_F(StateStoreTest, AfterABootTheTimestampHasAMarginForWhatAPowerFailureTook) {
  PatientStore store(directory_, kBoot);
  store.load();
  ASSERT_TRUE(store.save_timestamp(kStamp));
  const auto later = noise::Tai64n::from({kStamp.to_wall_time().since_epoch + StateStore::kUnsyncedMargin});
  EXPECT_EQ(PatientStore(directory_, kOtherBoot).load().timestamp, later);
  EXPECT_EQ(PatientStore(directory_, "").load().timestamp, later) << "where boots cannot be told apart";
}

/// As a number of nanoseconds it would come back as a time before 1970, and a recorded initiation would be news.
TEST_F(StateStoreTest, ATimestampOfAnyYearHasItsMargin) {
  PatientStore(directory_, kBoot).load();
  for (const auto* label : {"4000000225c17d0400000000", "7ffffff00000000000000000"}) {
    write_file(directory_ / "timestamp", fmt::format("{} {}\n", label, kBoot));
    const auto before = PatientStore(directory_, kBoot).load();
    const auto after = PatientStore(directory_, kOtherBoot).load();
    EXPECT_THAT(after.warnings, IsEmpty());
    EXPECT_GT(after.timestamp, before.timestamp) << label;
  }
}

TEST_F(StateStoreTest, TheEndpointComesBackAsItWas) {
  PatientStore store(directory_, kBoot);
  store.load();
  for (const auto* text : {"192.0.2.7:51820", "[2001:db8::7]:1"}) {
    ASSERT_TRUE(store.save_endpoint(kPeer, Endpoint::parse(text).value()));
    const auto loaded = store.load();
    EXPECT_EQ(to_string(loaded.endpoint_of(kPeer).value()), text);
    EXPECT_THAT(loaded.warnings, IsEmpty());
  }
}

TEST_F(StateStoreTest, AnEndpointIsThatOfOnePeer) {
  PatientStore store(directory_, kBoot);
  store.load();
  const auto endpoint = Endpoint::parse("192.0.2.7:51820").value();
  ASSERT_TRUE(store.save_endpoint(kPeer, endpoint));
  const auto loaded = store.load();
  EXPECT_EQ(loaded.endpoint_of(kPeer), endpoint);
  EXPECT_EQ(loaded.endpoint_of(crypto::PublicKey{{7}}), std::nullopt);
  EXPECT_THAT(loaded.warnings, IsEmpty());
}

TEST_F(StateStoreTest, ALinkLocalEndpointIsForgotten) {
  PatientStore store(directory_, kBoot);
  store.load();
  ASSERT_TRUE(store.save_endpoint(kPeer, Endpoint::parse("192.0.2.7:51820").value()));
  auto endpoint = Endpoint::parse("[fe80::1]:51820").value();
  endpoint.scope = 2;
  ASSERT_TRUE(store.save_endpoint(kPeer, endpoint));
  const auto loaded = store.load();
  EXPECT_EQ(loaded.endpoint, std::nullopt);
  EXPECT_THAT(loaded.warnings, IsEmpty());
}

TEST_F(StateStoreTest, SavingTakesTurnsWithTwoFilesAndLeavesNoOther) {
  PatientStore store(directory_, kBoot);
  store.load();
  for (const auto seconds : {1'700'000'000s, 1'700'000'100s, 1'800'000'000s}) {
    ASSERT_TRUE(store.save_timestamp(noise::Tai64n::from({seconds})));
  }
  EXPECT_THAT(read_file(directory_ / "timestamp"),
              StartsWith("400000006b49d20a00000000 " + std::string(kBoot) + " #3 "));
  EXPECT_THAT(read_file(directory_ / "timestamp.2"),
              StartsWith("400000006553f16e00000000 " + std::string(kBoot) + " #2 "));
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(directory_)) files.push_back(entry.path().filename());
  EXPECT_THAT(files, UnorderedElementsAre("timestamp", "timestamp.2"));
}

TEST_F(StateStoreTest, WhateverAPowerCutLeavesOfOneFileTheOtherIsWhole) {
  PatientStore store(directory_, kBoot);
  store.load();
  const auto newer = noise::Tai64n::from({1'800'000'000s});
  ASSERT_TRUE(store.save_timestamp(kStamp));
  ASSERT_TRUE(store.save_timestamp(newer));
  const auto whole = read_file(directory_ / "timestamp.2");
  for (const auto& left : {std::string(), whole.substr(0, 20), whole.substr(0, whole.size() - 3),
                           std::string(whole.size(), '\0'), "5" + whole.substr(1)}) {
    write_file(directory_ / "timestamp.2", left);
    {
      PatientStore later(directory_, kOtherBoot);
      const auto loaded = later.load();
      EXPECT_THAT(loaded.warnings, IsEmpty()) << left;
      EXPECT_EQ(loaded.timestamp, kStamp.later_by(StateStore::kUnsyncedMargin).later_by(StateStore::kDamagedMargin));
      std::ignore = later.save_timestamp(newer);
    }  // it is written
    EXPECT_NE(read_file(directory_ / "timestamp.2"), left) << "the damaged one has its turn first";
    EXPECT_EQ(PatientStore(directory_, kOtherBoot).load().timestamp, newer);
  }
}

TEST_F(StateStoreTest, FilesOfAnEarlierReleaseAreRead) {
  PatientStore(directory_, kBoot).load();
  write_file(directory_ / "timestamp", "400000006553f10a00000000 " + std::string(kBoot) + "\n");
  write_file(directory_ / "endpoint", "192.0.2.7:51820\n");
  PatientStore store(directory_, kBoot);
  const auto loaded = store.load();
  EXPECT_EQ(loaded.timestamp, kStamp);
  EXPECT_EQ(loaded.endpoint_of(kPeer), Endpoint::parse("192.0.2.7:51820")) << "whoever that was";
  EXPECT_THAT(loaded.warnings, IsEmpty());
  const auto newer = noise::Tai64n::from({1'800'000'000s});
  ASSERT_TRUE(store.save_timestamp(newer));
  EXPECT_EQ(PatientStore(directory_, kBoot).load().timestamp, newer);
  ASSERT_TRUE(store.save_endpoint(kPeer, Endpoint::parse("192.0.2.8:51820").value()));
  EXPECT_FALSE(std::filesystem::exists(directory_ / "endpoint")) << "that release would take what is new for damage";
  EXPECT_EQ(PatientStore(directory_, kBoot).load().endpoint_of(kPeer), Endpoint::parse("192.0.2.8:51820"));
}

TEST_F(StateStoreTest, ThePeersNewestInitiationComesBackWithItsKey) {
  crypto::PublicKey peer;
  peer.bytes.fill(7);
  noise::Tai64n newest;
  newest.bytes.fill(0xfe);  // whatever the peer's clock says
  {
    PatientStore store(directory_, kBoot);
    EXPECT_EQ(store.load().initiation, std::nullopt);
    ASSERT_TRUE(store.save_initiation(peer, kStamp));
    ASSERT_TRUE(store.save_initiation(peer, newest));
  }  // waits until it is written
  const auto loaded = PatientStore(directory_, kOtherBoot).load();
  EXPECT_EQ(loaded.initiation, std::pair(peer, newest));
  EXPECT_THAT(loaded.warnings, IsEmpty());
  write_file(directory_ / "initiation", "nonsense");
  write_file(directory_ / "initiation.2", "nonsense");
  EXPECT_THAT(PatientStore(directory_, kBoot).load().warnings, ElementsAre(HasSubstr("recorded")));
}

TEST_F(StateStoreTest, RunsThatDoNotEndAsTheyShouldAreCounted) {
  const PatientStore store(directory_, kBoot);
  const auto begin = [this] {
    PatientStore next(directory_, kBoot);
    const auto restarts = next.load().restarts;
    EXPECT_TRUE(next.begin_run(restarts));
    return restarts;
  };
  EXPECT_EQ(begin(), 0);
  EXPECT_EQ(begin(), 1);
  EXPECT_EQ(begin(), 2);
  store.end_run();
  EXPECT_EQ(begin(), 0);
  EXPECT_EQ(PatientStore(directory_, kOtherBoot).load().restarts, 0) << "the host went down, not the daemon";
}

TEST_F(StateStoreTest, ADamagedTimestampIsAWarningThatNamesTheFile) {
  PatientStore store(directory_, kBoot);
  store.load();
  for (const auto* damage : {"", "garbage", "40000000654d", "zz000000655a5c8a00000000", "0000000000000000000000 ",
                             "000000000000000000000000", "ffffffffffffffffffffffff", "400000006553f10a000000000",
                             "+40000006553f10a00000000", "7fffffffffffffff00000000"}) {
    write_file(directory_ / "timestamp", damage);
    const auto loaded = PatientStore(directory_, kBoot).load();
    EXPECT_EQ(loaded.timestamp, noise::Tai64n{}) << damage;
    EXPECT_THAT(loaded.warnings, ElementsAre(HasSubstr((directory_ / "timestamp").string()))) << damage;
  }
}

TEST_F(StateStoreTest, ADamagedEndpointIsAWarningThatNamesTheFile) {
  PatientStore store(directory_, kBoot);
  store.load();
  ASSERT_TRUE(store.save_timestamp(kStamp));
  for (const std::string& damage :
       {std::string("garbage"), std::string("192.0.2.7"), std::string(100'000, 'x'), std::string("\0\0\0", 3)}) {
    write_file(directory_ / "endpoint", damage);
    const auto loaded = PatientStore(directory_, kBoot).load();
    EXPECT_EQ(loaded.endpoint, std::nullopt);
    EXPECT_EQ(loaded.timestamp, kStamp) << "the other file is sound";
    EXPECT_THAT(loaded.warnings, ElementsAre(HasSubstr((directory_ / "endpoint").string())));
  }
}

TEST_F(StateStoreTest, AFileThatCannotBeReadIsAWarning) {
  std::filesystem::create_directories(directory_ / "timestamp");
  const auto loaded = PatientStore(directory_, kBoot).load();
  EXPECT_THAT(loaded.warnings, ElementsAre(HasSubstr("cannot read")));
}

TEST_F(StateStoreTest, AFolderThatCannotBeWrittenSaysWhatIsLost) {
  write_file(temporary_.path() / "state", "a file where the folder should be");
  PatientStore store(directory_, kBoot);
  const auto loaded = store.load();
  EXPECT_THAT(loaded.warnings.at(0), ::testing::AllOf(HasSubstr(directory_.string()), HasSubstr("ADIT_STATE_DIR"),
                                                      HasSubstr("the peer may refuse handshakes")));
  EXPECT_FALSE(loaded.writable);
  const auto saved = store.save_timestamp(kStamp);
  ASSERT_FALSE(saved);
  EXPECT_THAT(saved.error().message, HasSubstr((directory_ / "timestamp").string()));
}

TEST(BootId, IsTheSameUntilTheNextBoot) {
  EXPECT_FALSE(read_boot_id().empty());
  EXPECT_EQ(read_boot_id(), read_boot_id());
}

}  // namespace
}  // namespace adit::service
