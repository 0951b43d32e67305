// SPDX-License-Identifier: MIT
// The three places a session can have (paper §6.3 and its figure of key rotation):
//
//   next      we are the responder and the initiator has not yet shown that it has the keys: receive only
//   current   the one to send with
//   previous  packets still on their way when `current` took its place
#pragma once

#include <array>
#include <memory>

#include "noise/keypair.h"
#include "tunnel/timers.h"

namespace adit::tunnel {

/// Nothing is sealed or opened with it any more.
inline bool is_expired(const noise::Keypair& keypair, Instant now) {
  return now - keypair.created >= REJECT_AFTER_TIME;
}

class Sessions {
 public:
  /// As initiator the response has proven the peer's keys: current at once. As responder: next.
  void add(std::shared_ptr<noise::Keypair> keypair);
  /// An authentic packet came in on `keypair`. True when that made `next` the current session.
  bool confirm(const noise::Keypair& keypair);
  /// Nothing when the index is none of ours.
  const std::shared_ptr<noise::Keypair>& find(std::uint32_t local_index) const;
  const std::shared_ptr<noise::Keypair>& current() const { return current_; }
  /// The peer's latest, which it has not confirmed yet.
  const noise::Keypair* unconfirmed() const { return next_.get(); }
  bool any() const { return next_ || current_ || previous_; }
  void clear();

  /// next, current, previous; none of them is here afterwards.
  std::array<std::shared_ptr<noise::Keypair>, 3> take_all();
  void put_all(std::array<std::shared_ptr<noise::Keypair>, 3> sessions);

 private:
  std::shared_ptr<noise::Keypair> next_;
  std::shared_ptr<noise::Keypair> current_;
  std::shared_ptr<noise::Keypair> previous_;
};

}  // namespace adit::tunnel
