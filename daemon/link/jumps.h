// SPDX-License-Identifier: MIT
// Two hosts that have one key, as when a virtual machine was copied: each calls, is answered, and puts the other one
// out, so that the peer's endpoint jumps to and fro between two places. Nothing can be done about it here but to say
// so.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "base/ip.h"
#include "base/time.h"

namespace adit::link {

class Jumps {
 public:
  /// So many moves between two places within that time, with sessions begun from both, are no roaming.
  static constexpr std::size_t kMoves = 4;
  static constexpr Duration kWithin = std::chrono::seconds(90);

  /// The peer moved, by itself. The sentence when this is one move too many.
  std::optional<std::string> moved(const Endpoint& from, const Endpoint& to, Instant now);
  /// The peer began a session from there.
  void called(const Endpoint& from, Instant now);

 private:
  struct Event {
    Endpoint from;
    Endpoint to;
    Instant at;
  };
  static void keep(std::deque<Event>& events, const Event& event);
  bool called_lately(const Endpoint& from, Instant now) const;

  std::deque<Event> moves_;
  std::deque<Event> calls_;
};

}  // namespace adit::link
