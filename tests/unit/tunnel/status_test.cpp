// SPDX-License-Identifier: MIT
#include "tunnel/status.h"

#include <gtest/gtest.h>

namespace adit::tunnel {
namespace {

int telling_of(DropReason reason, bool by_peer) {
  return telling({.reason = reason, .from = {}, .key = {}, .when = {}, .by_peer = by_peer});
}

TEST(HandshakeProblems, ThePeersTellMoreThanAnyStrangers) {
  for (const auto peers : {DropReason::wrong_key, DropReason::bad_mac1, DropReason::invalid_handshake}) {
    for (const auto strangers : {DropReason::wrong_key, DropReason::bad_mac1, DropReason::invalid_handshake}) {
      EXPECT_GT(telling_of(peers, true), telling_of(strangers, false));
    }
  }
}

TEST(HandshakeProblems, KeysTellMoreThanGarbage) {
  for (const bool by_peer : {false, true}) {
    EXPECT_GT(telling_of(DropReason::wrong_key, by_peer), telling_of(DropReason::bad_mac1, by_peer));
    EXPECT_GT(telling_of(DropReason::unverified_response, by_peer), telling_of(DropReason::old_timestamp, by_peer));
    EXPECT_GT(telling_of(DropReason::bad_mac1, by_peer), telling_of(DropReason::invalid_handshake, by_peer));
    EXPECT_EQ(telling_of(DropReason::rate_limited, by_peer), 0);
  }
}

}  // namespace
}  // namespace adit::tunnel
