// SPDX-License-Identifier: MIT
#include "link/jumps.h"

#include <fmt/core.h>

#include <algorithm>

namespace adit::link {

void Jumps::keep(std::deque<Event>& events, const Event& event) {
  events.push_back(event);
  if (events.size() > kMoves) events.pop_front();
}

bool Jumps::called_lately(const Endpoint& from, Instant now) const {
  return std::ranges::any_of(calls_, [&](const Event& call) { return call.to == from && now - call.at < kWithin; });
}

std::optional<std::string> Jumps::moved(const Endpoint& from, const Endpoint& to, Instant now) {
  keep(moves_, {from, to, now});
  const bool to_and_fro = std::ranges::all_of(moves_, [&](const Event& move) {
    return now - move.at < kWithin && ((move.from == from && move.to == to) || (move.from == to && move.to == from));
  });
  if (moves_.size() < kMoves || !to_and_fro || !called_lately(from, now) || !called_lately(to, now)) {
    return std::nullopt;
  }
  auto first = to_string(from);
  auto second = to_string(to);
  if (second < first) first.swap(second);  // one sentence, whichever way it went last
  return fmt::format("the peer's endpoint jumps between {} and {}: two hosts use its key", first, second);
}

void Jumps::called(const Endpoint& from, Instant now) {
  keep(calls_, {{}, from, now});
}

}  // namespace adit::link
