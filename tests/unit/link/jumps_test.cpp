// SPDX-License-Identifier: MIT
#include "link/jumps.h"

#include <gtest/gtest.h>

namespace adit::link {
namespace {

using std::chrono_literals::operator""s;

const Endpoint kHere = Endpoint::parse("192.0.2.1:1000").value();
const Endpoint kThere = Endpoint::parse("198.51.100.2:2000").value();
const Endpoint kElsewhere = Endpoint::parse("203.0.113.3:3000").value();

/// Goes to and fro, one jump each `gap`; `call`: with a handshake each time. The last sentence.
std::optional<std::string> jump(Jumps& jumps, int times, Duration gap, bool call) {
  std::optional<std::string> sentence;
  Instant now{1000s};
  for (int i = 0; i < times; ++i, now += gap) {
    const auto& from = i % 2 ? kThere : kHere;
    const auto& to = i % 2 ? kHere : kThere;
    sentence = jumps.moved(from, to, now);
    if (call) jumps.called(to, now);
  }
  return sentence;
}

TEST(Jumps, BetweenTwoPlacesWithSessionsFromBothAreTwoHosts) {
  for (const int times : {4, 5, 50}) {
    Jumps jumps;
    EXPECT_EQ(jump(jumps, times, 12s, true),
              "the peer's endpoint jumps between 192.0.2.1:1000 and 198.51.100.2:2000: two hosts use its key")
        << times;
  }
}

TEST(Jumps, AFewAreRoaming) {
  Jumps jumps;
  EXPECT_EQ(jump(jumps, 3, 12s, true), std::nullopt);
}

TEST(Jumps, SlowOnesAreAHostWithTwoUplinks) {
  Jumps jumps;
  EXPECT_EQ(jump(jumps, 50, 60s, true), std::nullopt);
}

TEST(Jumps, WithinOneSessionAreARouterWithTwoWays) {
  Jumps jumps;
  EXPECT_EQ(jump(jumps, 50, 1s, false), std::nullopt);
}

TEST(Jumps, FromPlaceToPlaceAreATraveller) {
  Jumps jumps;
  Instant now{1000s};
  for (int i = 0; i < 20; ++i, now += 5s) {
    const Endpoint from{kHere.address, static_cast<std::uint16_t>(1000 + i)};
    const Endpoint to{kHere.address, static_cast<std::uint16_t>(1001 + i)};
    EXPECT_EQ(jumps.moved(from, to, now), std::nullopt);
    jumps.called(to, now);
  }
  EXPECT_EQ(jumps.moved(kHere, kElsewhere, now), std::nullopt);
}

}  // namespace
}  // namespace adit::link
