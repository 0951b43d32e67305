// SPDX-License-Identifier: MIT
// What `adit events` is told: a line for each thing about a link that is another one than before. Compares, and puts
// into words for scripts; does not know who listens.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/ip.h"
#include "base/time.h"
#include "link/health.h"
#include "link/path_report.h"
#include "link/put_back.h"

namespace adit::control {

/// How a link is at one moment.
struct EventFacts {
  std::string link;
  link::State state{};
  std::string reason;
  Endpoint endpoint;
  std::string device = {};  ///< of local.device, that the peer is called by; empty: it names none
  std::uint32_t mtu = 0;
  link::PathReport path;
  link::PutBack put_back = {};
  std::vector<std::string> bypasses = {};
};

class Events {
 public:
  /// What is otherwise than at the last call: `state`, `endpoint`, `mtu`, `path`, `put_back`, `bypass`, each a JSON
  /// object on a line of its own, without the newline. A reason alone is no event, as some have a number in them that
  /// counts.
  std::vector<std::string> changes(const EventFacts& now, WallTime when);
  /// State and endpoint, since the call before last of `changes`.
  bool moved() const { return moved_; }
  /// How it is now, as the first line a reader gets: an event `now` with all of it.
  std::string now(WallTime when) const;

 private:
  std::optional<EventFacts> last_;
  bool moved_ = false;
};

/// The line that stands where `count` others would, had the reader been quicker.
std::string lost_line(std::uint64_t count);

}  // namespace adit::control
