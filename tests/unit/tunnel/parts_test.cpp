// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "support.h"
#include "tunnel/allowed_ips.h"
#include "tunnel/drop_reason.h"
#include "tunnel/sessions.h"
#include "tunnel/staging.h"

namespace adit::tunnel {
namespace {

using std::chrono_literals::operator""s;

std::vector<IpNetwork> networks(std::initializer_list<const char*> texts) {
  std::vector<IpNetwork> result;
  for (const auto* text : texts) result.push_back(*IpNetwork::parse(text));
  return result;
}

TEST(AllowedIps, KnowsItsEdges) {
  const AllowedIps set(networks({"10.9.0.0/30", "fd09::/126"}));
  for (const auto* in : {"10.9.0.0", "10.9.0.3", "fd09::", "fd09::3"}) EXPECT_TRUE(set.contains(*IpAddress::parse(in)));
  for (const auto* out : {"10.8.255.255", "10.9.0.4", "fd08:ffff::", "fd09::4", "::a09:1", "0.0.0.0", "::"}) {
    EXPECT_FALSE(set.contains(*IpAddress::parse(out))) << out;
  }
}

TEST(AllowedIps, OverlappingNetworksTakeNothingFromEachOther) {
  const AllowedIps set(networks({"10.0.0.0/8", "10.9.0.0/30", "10.9.0.2/32", "10.255.255.255/32", "10.0.0.0/8"}));
  for (const auto* in : {"10.0.0.0", "10.9.0.0", "10.9.0.2", "10.9.0.3", "10.9.0.4", "10.200.1.1", "10.255.255.255"}) {
    EXPECT_TRUE(set.contains(*IpAddress::parse(in))) << in;
  }
  EXPECT_FALSE(set.contains(*IpAddress::parse("11.0.0.0")));
}

TEST(AllowedIps, AgreesWithTryingEachNetwork) {
  test::SeededRandom random(3);
  for (int round = 0; round < 200; ++round) {
    std::vector<IpNetwork> list;
    const auto address = [&] {
      std::array<std::uint8_t, 4> bytes{10, 0, static_cast<std::uint8_t>(random.below(4)),
                                        static_cast<std::uint8_t>(random.below(256))};
      return IpAddress::v4(bytes);
    };
    for (auto n = random.below(6); n > 0; --n) {
      list.push_back(IpNetwork{address(), static_cast<std::uint8_t>(22 + random.below(11))}.network());
    }
    const AllowedIps set(list);
    for (int i = 0; i < 100; ++i) {
      const auto candidate = address();
      const bool expected = std::ranges::any_of(list, [&](const auto& net) { return net.contains(candidate); });
      ASSERT_EQ(set.contains(candidate), expected) << to_string(candidate);
    }
  }
}

TEST(AllowedIps, DefaultRoutesHoldTheirOwnFamilyOnly) {
  const AllowedIps v4(networks({"0.0.0.0/0"}));
  EXPECT_TRUE(v4.contains(*IpAddress::parse("255.255.255.255")));
  EXPECT_FALSE(v4.contains(*IpAddress::parse("::1")));
}

std::shared_ptr<noise::Keypair> keypair(std::uint32_t index, noise::Role role) {
  return std::make_shared<noise::Keypair>(noise::Keypair{.local_index = index, .role = role});
}
constexpr auto kInitiator = noise::Role::initiator;
constexpr auto kResponder = noise::Role::responder;

TEST(Sessions, AnInitiatorsSessionIsCurrentAtOnceAndTheOldOneStillReceives) {
  Sessions sessions;
  sessions.add(keypair(1, kInitiator));
  sessions.add(keypair(2, kInitiator));
  EXPECT_EQ(sessions.current()->local_index, 2u);
  EXPECT_TRUE(sessions.find(1));
  sessions.add(keypair(3, kInitiator));
  EXPECT_FALSE(sessions.find(1));
}

TEST(Sessions, ARespondersSessionWaitsForItsFirstPacket) {
  Sessions sessions;
  sessions.add(keypair(1, kInitiator));
  const auto next = keypair(2, kResponder);
  sessions.add(next);
  EXPECT_EQ(sessions.current()->local_index, 1u);
  EXPECT_TRUE(sessions.find(2));
  EXPECT_FALSE(sessions.confirm(*sessions.current()));
  EXPECT_TRUE(sessions.confirm(*next));
  EXPECT_FALSE(sessions.confirm(*next));
  EXPECT_EQ(sessions.current()->local_index, 2u);
  EXPECT_TRUE(sessions.find(1));
}

TEST(Sessions, WhenBothEndsBeganTheOthersSessionStillReceives) {
  Sessions sessions;
  sessions.add(keypair(1, kInitiator));
  sessions.add(keypair(2, kResponder));
  sessions.add(keypair(3, kInitiator));
  EXPECT_EQ(sessions.current()->local_index, 3u);
  EXPECT_TRUE(sessions.find(2));
  EXPECT_FALSE(sessions.find(1));
}

/// The peer sends with 2, which it began, until it hears of 3 or 4.
TEST(Sessions, WhatThePeerWasLastHeardOnStillReceivesWhenBothHadBegun) {
  const auto both_began = [](Sessions& sessions) {
    const auto theirs = keypair(2, kResponder);
    sessions.add(theirs);
    sessions.add(keypair(1, kInitiator));
    EXPECT_FALSE(sessions.confirm(*theirs));
  };
  Sessions renewed;
  both_began(renewed);
  renewed.add(keypair(3, kInitiator));
  EXPECT_TRUE(renewed.find(1));
  EXPECT_TRUE(renewed.find(2));
  EXPECT_FALSE(renewed.confirm(*renewed.find(3)));
  renewed.add(keypair(4, kInitiator));
  EXPECT_FALSE(renewed.find(2)) << "it has heard of 3 since";

  Sessions renewed_at_once;
  both_began(renewed_at_once);
  renewed_at_once.add(keypair(4, kResponder));
  renewed_at_once.add(keypair(3, kInitiator));
  EXPECT_TRUE(renewed_at_once.find(2));
  EXPECT_TRUE(renewed_at_once.find(4));
  EXPECT_FALSE(renewed_at_once.find(1));
  renewed_at_once.clear();
  EXPECT_FALSE(renewed_at_once.any());
}

TEST(Sessions, AnUnknownIndexFindsNothing) {
  Sessions sessions;
  EXPECT_FALSE(sessions.find(0));
  sessions.add(keypair(1, kInitiator));
  EXPECT_FALSE(sessions.find(0));
  sessions.clear();
  EXPECT_FALSE(sessions.any());
}

TEST(Staging, IsBoundedInPacketsAndInBytes) {
  Staging staging;
  const std::vector<std::uint8_t> small(10);
  const std::vector<std::uint8_t> large(Staging::kMaxBytes / 4);
  std::size_t dropped = 0;
  for (std::size_t i = 0; i < Staging::kMaxPackets + 5; ++i) dropped += staging.push(small, Instant{});
  EXPECT_EQ(dropped, 5u);
  EXPECT_EQ(staging.size(), Staging::kMaxPackets);
  for (int i = 0; i < 5; ++i) staging.push(large, Instant{});
  EXPECT_EQ(staging.size(), 4u);
  EXPECT_EQ(staging.clear(), 4u);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(staging.push(large, Instant{}), 0u) << "what was cleared still counted";
}

TEST(Staging, ForgetsWhatIsTooOld) {
  Staging staging;
  const std::vector<std::uint8_t> packet(10);
  staging.push(packet, Instant{0s});
  staging.push(packet, Instant{60s});
  EXPECT_EQ(staging.expire(Instant{90s}), 0u);
  EXPECT_EQ(staging.expire(Instant{91s}), 1u);
  EXPECT_EQ(staging.size(), 1u);
}

TEST(DropReason, EachHasANameOfItsOwn) {
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < kDropReasons; ++i) {
    EXPECT_TRUE(names.insert(name_of(static_cast<DropReason>(i))).second);
  }
  EXPECT_FALSE(names.contains("unknown"));
}

}  // namespace
}  // namespace adit::tunnel
