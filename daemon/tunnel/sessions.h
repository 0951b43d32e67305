// SPDX-License-Identifier: MIT
// The places a session can have (paper §6.3 and its figure of key rotation has the first three):
//
//   next      we are the responder and the initiator has not yet shown that it has the keys: receive only
//   current   the one to send with
//   previous  packets still on their way when `current` took its place
//   heard     what the peer was last heard on, where that is none of these, for kHeardAge: it sends with that until it
//             hears of the new one. So it is where both ends had begun, and each sends with the session it began
//             itself.
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
  /// It is `heard`: good for what is on its way, and for nothing else.
  bool is_leaving(const noise::Keypair& keypair) const { return heard_.get() == &keypair; }
  bool has_left(const noise::Keypair& keypair, Instant now) const {
    return is_leaving(keypair) && now - current_->created >= kHeardAge;
  }
  const std::shared_ptr<noise::Keypair>& current() const { return current_; }
  /// The peer's latest, which it has not confirmed yet.
  const noise::Keypair* unconfirmed() const { return next_.get(); }
  bool any() const { return next_ || current_ || previous_ || heard_; }
  void clear();

  /// next, current, previous; none is here afterwards. What is under way in `heard` is not worth the place.
  std::array<std::shared_ptr<noise::Keypair>, 3> take_all();
  void put_all(std::array<std::shared_ptr<noise::Keypair>, 3> sessions);

 private:
  void replace_current(std::shared_ptr<noise::Keypair> current, std::shared_ptr<noise::Keypair> previous);

  std::shared_ptr<noise::Keypair> next_;
  std::shared_ptr<noise::Keypair> current_;
  std::shared_ptr<noise::Keypair> previous_;
  std::shared_ptr<noise::Keypair> heard_;
  std::uint32_t heard_on_ = 0;  ///< index of the session of the peer's last packet
};

}  // namespace adit::tunnel
