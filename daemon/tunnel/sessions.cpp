// SPDX-License-Identifier: MIT
#include "tunnel/sessions.h"

#include <utility>

namespace adit::tunnel {

void Sessions::add(std::shared_ptr<noise::Keypair> keypair) {
  if (keypair->role == noise::Role::responder) {
    // A second unconfirmed session replaces the first: only the peer's latest initiation counts.
    next_ = std::move(keypair);
    return;
  }
  // Both ends may have begun at the same time. Then the peer uses the session in `next`, and may go on doing so:
  // it must stay able to receive, so it is the one that becomes previous.
  const auto next = std::exchange(next_, nullptr);
  replace_current(std::move(keypair), next ? next : current_);
}

bool Sessions::confirm(const noise::Keypair& keypair) {
  const bool is_new = next_.get() == &keypair;
  if (is_new) replace_current(std::exchange(next_, nullptr), current_);
  heard_on_ = keypair.local_index;
  return is_new;
}

void Sessions::replace_current(std::shared_ptr<noise::Keypair> current, std::shared_ptr<noise::Keypair> previous) {
  auto heard = find(heard_on_);
  heard_ = heard == previous ? nullptr : std::move(heard);
  previous_ = std::move(previous);
  current_ = std::move(current);
}

const std::shared_ptr<noise::Keypair>& Sessions::find(std::uint32_t local_index) const {
  static const std::shared_ptr<noise::Keypair> kNone;
  for (const auto* slot : {&current_, &previous_, &next_, &heard_}) {
    if (*slot && (*slot)->local_index == local_index) return *slot;
  }
  return kNone;
}

std::array<std::shared_ptr<noise::Keypair>, 3> Sessions::take_all() {
  heard_.reset();
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
  heard_.reset();
}

}  // namespace adit::tunnel
