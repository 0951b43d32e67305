// SPDX-License-Identifier: MIT
#include "tunnel/sessions.h"

namespace adit::tunnel {

void Sessions::add(std::shared_ptr<noise::Keypair> keypair) {
  if (keypair->role == noise::Role::responder) {
    // A second unconfirmed session replaces the first: only the peer's latest initiation counts.
    next_ = std::move(keypair);
    return;
  }
  // Both ends may have begun at the same time. Then the peer uses the session in `next`, and may go on doing so:
  // it must stay able to receive, so it is the one that becomes previous.
  previous_ = next_ ? std::move(next_) : std::move(current_);
  next_.reset();
  current_ = std::move(keypair);
}

bool Sessions::confirm(const noise::Keypair& keypair) {
  if (next_.get() != &keypair) return false;
  previous_ = std::move(current_);
  current_ = std::move(next_);
  next_.reset();
  return true;
}

const std::shared_ptr<noise::Keypair>& Sessions::find(std::uint32_t local_index) const {
  static const std::shared_ptr<noise::Keypair> kNone;
  for (const auto* slot : {&current_, &previous_, &next_}) {
    if (*slot && (*slot)->local_index == local_index) return *slot;
  }
  return kNone;
}

std::array<std::shared_ptr<noise::Keypair>, 3> Sessions::take_all() {
  return {std::move(next_), std::move(current_), std::move(previous_)};
}

void Sessions::put_all(std::array<std::shared_ptr<noise::Keypair>, 3> sessions) {
  next_ = std::move(sessions[0]);
  current_ = std::move(sessions[1]);
  previous_ = std::move(sessions[2]);
}

void Sessions::clear() {
  next_.reset();
  current_.reset();
  previous_.reset();
}

}  // namespace adit::tunnel
