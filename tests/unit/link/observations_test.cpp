// SPDX-License-Identifier: MIT
#include "link/observations.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace adit::link {
namespace {

using std::chrono_literals::operator""s;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using tunnel::DropReason;

const Endpoint kPeer = Endpoint::parse("192.0.2.7:51820").value();
const Endpoint kStranger = Endpoint::parse("198.51.100.9:4444").value();

WallTime at(int seconds) {
  return {std::chrono::seconds(seconds)};
}

TEST(Observations, TheLastOfEachKindIsKeptAndAllAreCounted) {
  Observations seen;
  seen.handshake_refused({DropReason::bad_mac1, kPeer, {}}, at(1));
  seen.handshake_refused({DropReason::wrong_key, kPeer, {}}, at(2));
  seen.handshake_refused({DropReason::bad_mac1, kStranger, {}}, at(3));
  const auto list = seen.list();
  ASSERT_THAT(list, SizeIs(2));
  EXPECT_EQ(list[0].kind, "bad_mac1");
  EXPECT_EQ(list[0].from, kStranger);
  EXPECT_EQ(list[0].count, 2);
  EXPECT_EQ(list[0].last, at(3));
  EXPECT_EQ(list[1].kind, "wrong_key");
  EXPECT_THAT(list[1].sentence, HasSubstr("names public key"));
}

TEST(Observations, WhatBecameOfTheInterfaceIsAmongThem) {
  Observations seen;
  seen.interface_renamed("the interface was renamed", at(1));
  seen.interface_moved("the interface was moved", at(2));
  const auto list = seen.list();
  ASSERT_THAT(list, SizeIs(2));
  EXPECT_EQ(list[0].kind, "interface_moved");
  EXPECT_EQ(list[0].sentence, "the interface was moved");
  EXPECT_EQ(list[1].kind, "interface_renamed");
}

TEST(Observations, WhatTellsNobodyAnythingIsLeftOut) {
  Observations seen;
  seen.handshake_refused({DropReason::rate_limited, kStranger, {}}, at(1));
  EXPECT_THAT(seen.list(), IsEmpty());
}

TEST(Observations, DisallowedPacketsAreToldOnceWithTheirAddress) {
  Observations seen;
  tunnel::Status status;
  EXPECT_THAT(seen.disallowed(status, at(1)), IsEmpty());
  status.drops.add(DropReason::disallowed_source, 3);
  status.disallowed_source = IpAddress::parse("10.66.0.1").value();
  const auto fresh = seen.disallowed(status, at(2));
  ASSERT_THAT(fresh, SizeIs(1));
  EXPECT_THAT(fresh[0].sentence, HasSubstr("10.66.0.1"));
  EXPECT_THAT(seen.disallowed(status, at(3)), IsEmpty());
  status.drops.add(DropReason::disallowed_source, 1);
  seen.disallowed(status, at(4));
  EXPECT_EQ(seen.list()[0].count, 4);
}

TEST(Observations, MulticastThatHostsSendUnaskedIsNoNews) {
  Observations seen;
  tunnel::Status status;
  status.drops.add(DropReason::disallowed_destination, 3);  // and no address was kept
  EXPECT_THAT(seen.disallowed(status, at(2)), IsEmpty());
  EXPECT_THAT(seen.list(), IsEmpty());
}

TEST(Observations, RefusalsOfTheKernelAreCountedByItsCounter) {
  Observations seen;
  seen.send_failed(kPeer, "Message too long", 5, at(1));
  seen.send_failed(kPeer, "Message too long", 5, at(2));
  seen.send_failed(kPeer, "Network is unreachable", 6, at(3));
  const auto list = seen.list();
  ASSERT_THAT(list, SizeIs(1));
  EXPECT_EQ(list[0].kind, "send_failed");
  EXPECT_EQ(list[0].count, 6);
  EXPECT_THAT(list[0].sentence, HasSubstr("unreachable"));
}

}  // namespace
}  // namespace adit::link
