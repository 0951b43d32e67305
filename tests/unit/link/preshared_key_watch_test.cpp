// SPDX-License-Identifier: MIT
#include "link/preshared_key_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/or_throw.h"
#include "recorded_log.h"
#include "support.h"
#include "temporary_directory.h"

namespace adit::link {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

class PresharedKeyWatchTest : public ::testing::Test {
 protected:
  std::unique_ptr<tunnel::Tunnel> make_tunnel() {
    tunnel::Settings settings{.private_key = crypto::generate_private_key(random_),
                              .peer_key = crypto::public_key_of(crypto::generate_private_key(random_)),
                              .preshared_key = first_.clone()};
    return or_throw(tunnel::Tunnel::make(std::move(settings), random_, wall_clock_));
  }
  /// Beside it and then into its place, as programs do that agree on keys.
  void put(const std::string& content) {
    const auto beside = directory_.path() / "psk.new";
    test::write_file(beside, content);
    std::filesystem::permissions(beside, std::filesystem::perms(0600));
    std::filesystem::rename(beside, file_);
  }
  void put(const crypto::PresharedKey& key) { put(crypto::reveal_base64(key) + "\n"); }
  void hear() {
    while (loop_.run_once(Duration::zero())) continue;
  }

  test::TemporaryDirectory directory_;
  std::filesystem::path file_ = directory_.path() / "psk";
  test::SeededRandom random_{7};
  test::SettableWallClock wall_clock_;
  test::RecordedLog log_;
  net::EventLoop loop_;
  crypto::PresharedKey first_ = crypto::generate_preshared_key(random_);
  crypto::PresharedKey second_ = crypto::generate_preshared_key(random_);
  std::unique_ptr<tunnel::Tunnel> tunnel_ = make_tunnel();
};

TEST_F(PresharedKeyWatchTest, TakesTheKeyThatIsThereByNowAndEachThatComes) {
  put(second_);
  PresharedKeyWatch watch(loop_, file_, tunnel_, log_);
  hear();
  EXPECT_TRUE(tunnel_->has_preshared_key(first_)) << "nothing changed since";
  watch.look();
  EXPECT_TRUE(tunnel_->has_preshared_key(second_));
  put(first_);
  hear();
  EXPECT_TRUE(tunnel_->has_preshared_key(first_));
}

TEST_F(PresharedKeyWatchTest, IsQuietAboutTheKeyInUse) {
  put(first_);
  PresharedKeyWatch watch(loop_, file_, tunnel_, log_);
  watch.look();
  put(first_);
  hear();
  EXPECT_THAT(log_.text(), IsEmpty());
}

TEST_F(PresharedKeyWatchTest, GoesOnWithTheNextTunnel) {
  put(first_);
  const PresharedKeyWatch watch(loop_, file_, tunnel_, log_);
  tunnel_ = make_tunnel();
  put(second_);
  hear();
  EXPECT_TRUE(tunnel_->has_preshared_key(second_));
}

TEST_F(PresharedKeyWatchTest, WhatIsNoKeyIsToldAndChangesNothing) {
  put("garbage");
  PresharedKeyWatch watch(loop_, file_, tunnel_, log_);
  watch.look();
  EXPECT_THAT(log_.text(), HasSubstr("the key in use stays"));
  EXPECT_TRUE(tunnel_->has_preshared_key(first_));
}

TEST_F(PresharedKeyWatchTest, WithoutAFileThereIsNothingToSee) {
  PresharedKeyWatch watch(loop_, {}, tunnel_, log_);
  watch.look();
  EXPECT_TRUE(watch.works());
  EXPECT_THAT(log_.text(), IsEmpty());
}

}  // namespace
}  // namespace adit::link
