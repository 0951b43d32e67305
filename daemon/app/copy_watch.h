// SPDX-License-Identifier: MIT
// Whether this process may be there twice, or its memory on a disk: a virtual machine that was cloned or put back to a
// snapshot, a host that was suspended, perhaps to disk. Two that go on with one session would use a counter for two
// packets, and whoever has the disk would have the session's keys.
#pragma once

#include <functional>
#include <optional>
#include <string_view>

#include "net/vm_generation.h"

namespace adit::app {

class CopyWatch {
 public:
  /// `noticed`: by what, for a sentence: "this host was suspended". From within a turn of the loop.
  using Noticed = std::function<void(std::string_view why)>;
  /// `suspended`: how long the host has been suspended since it was started, all in all. `before`: that, as the run
  /// before had it when it was last at work; none: there are no sessions of one.
  CopyWatch(net::EventLoop& loop, std::function<Duration()> suspended, Noticed noticed,
            std::optional<Duration> before = {});

  /// To be called before packets are sent or taken in a turn: with the first after a suspend it is noticed.
  void turn();
  /// Likewise, where the loop does not turn, which hears of copies else.
  void turn_beside_loop();
  /// The suspends that were noticed, all in all: for the run that follows.
  Duration seen() const { return seen_; }

 private:
  std::function<Duration()> suspended_;
  Noticed noticed_;
  Duration seen_;
  net::VmGenerationWatch generation_;
};

}  // namespace adit::app
