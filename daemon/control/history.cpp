// SPDX-License-Identifier: MIT
#include "control/history.h"

#include <algorithm>

namespace adit::control {
namespace {

void add_growth(tunnel::Traffic& amount, const tunnel::Traffic& from, const tunnel::Traffic& to) {
  amount.packets += to.packets - from.packets;
  amount.bytes += to.bytes - from.bytes;
}

}  // namespace

History::History(const tunnel::Status& status, Instant now) : first_(number_of(now)), newest_(first_) {
  restart(status);
}

void History::note(const tunnel::Status& status, Instant now) {
  advance(now);
  add_growth(current().sent, counted_.sent, status.sent);
  add_growth(current().received, counted_.received, status.received);
  restart(status);
}

/// Intervals that passed unnoticed are empty.
void History::advance(Instant now) {
  const auto number = number_of(now);
  if (number <= newest_) return;
  newest_ = std::max(newest_, number - static_cast<std::int64_t>(kIntervals));
  while (newest_ < number) {
    ++newest_;
    current() = {};
  }
}

std::vector<History::Amount> History::recent(Instant now) {
  advance(now);
  const auto oldest = std::max(first_, newest_ - static_cast<std::int64_t>(kIntervals) + 1);
  std::vector<Amount> amounts;
  for (auto number = oldest; number < newest_; ++number) {
    amounts.push_back(ring_[static_cast<std::size_t>(number) % kIntervals]);
  }
  return amounts;
}

}  // namespace adit::control
