// SPDX-License-Identifier: MIT
#include "link/edit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support.h"

namespace adit::link {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class EditTest : public ::testing::Test {
 protected:
  EditTest() {
    peer_ = crypto::public_key_of(crypto::generate_private_key(random_));
    tunnel::Settings settings{.private_key = key_.clone()};
    settings.peer_key = peer_;
    tunnel_ = std::move(tunnel::Tunnel::make(std::move(settings), random_, clock_).value());
  }

  /// The running configuration, with its keys.
  config::Config config() const {
    config::Config config;
    config.name = "office";
    config.local.private_key = key_.clone();
    config.peer.public_key = peer_;
    return config;
  }
  Edit to(const config::Config& next) const { return edit_between(config(), *tunnel_, next); }

  test::SeededRandom random_{3};
  test::SettableWallClock clock_;
  crypto::PrivateKey key_ = crypto::generate_private_key(random_);
  crypto::PublicKey peer_;
  std::unique_ptr<tunnel::Tunnel> tunnel_;
};

TEST_F(EditTest, TheSameConfigurationIsNoEdit) {
  const auto edit = to(config());
  EXPECT_THAT(edit.keys(), IsEmpty());
  EXPECT_THAT(describe(edit), IsEmpty());
  EXPECT_FALSE(edit.identity());
  EXPECT_FALSE(edit.sockets());
}

TEST_F(EditTest, AnotherKeyOfEitherEndIsAnotherIdentityAndIsSaid) {
  auto ours = config();
  ours.local.private_key = crypto::generate_private_key(random_);
  EXPECT_TRUE(to(ours).identity());
  EXPECT_THAT(describe(to(ours)),
              ElementsAre("local.private_key: another key", "the link begins anew, with a new session"));

  auto theirs = config();
  theirs.peer.public_key = crypto::public_key_of(crypto::generate_private_key(random_));
  EXPECT_TRUE(to(theirs).identity());
  EXPECT_THAT(to(theirs).keys(), ElementsAre("peer.public_key"));
}

TEST_F(EditTest, APresharedKeyIsComparedWithTheOneInUse) {
  auto next = config();
  next.peer.preshared_key = crypto::generate_preshared_key(random_);
  const auto edit = to(next);
  EXPECT_THAT(edit.keys(), ElementsAre("peer.preshared_key"));
  EXPECT_FALSE(edit.identity());
  tunnel_->set_preshared_key(next.peer.preshared_key.clone());
  EXPECT_THAT(to(next).keys(), IsEmpty());
}

TEST_F(EditTest, WhatTheSocketsAreMadeForConcernsThemAndSoDoesTheMarkOfADefaultRoute) {
  auto port = config();
  port.local.listen.port = 4000;
  EXPECT_TRUE(to(port).sockets());

  auto buffer = config();
  buffer.tuning.receive_buffer = 1 << 20;
  EXPECT_TRUE(to(buffer).sockets());

  auto keepalive = config();
  keepalive.peer.keepalive.reset();
  EXPECT_FALSE(to(keepalive).sockets());

  auto whole = config();
  whole.routes = {{.to = IpNetwork::parse("0.0.0.0/0").value(), .metric = {}, .table = {}, .source = {}}};
  EXPECT_TRUE(to(whole).mark);
  EXPECT_TRUE(to(whole).sockets());
  EXPECT_THAT(to(whole).keys(), Contains("routes"));
}

}  // namespace
}  // namespace adit::link
