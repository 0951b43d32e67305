// SPDX-License-Identifier: MIT
// Traffic of the last minutes, second by second, so that a plot of it is there at once. It is fed when packets move and
// wakes nobody: a second in which it was not fed is one without packets.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "base/time.h"
#include "tunnel/status.h"

namespace adit::control {

class History {
 public:
  static constexpr Duration kInterval = std::chrono::seconds(1);
  static constexpr std::size_t kIntervals = 300;

  struct Amount {
    tunnel::Traffic sent;
    tunnel::Traffic received;
  };

  /// What was there before counts as nothing: `status` is where counting begins.
  History(const tunnel::Status& status, Instant now);

  /// At the end of each turn of the loop.
  void note(const tunnel::Status& status, Instant now);
  /// Another tunnel, which counts from `status`.
  void restart(const tunnel::Status& status) { counted_ = {status.sent, status.received}; }

  /// The intervals that are over, oldest first, kIntervals - 1 of them at most.
  std::vector<Amount> recent(Instant now);

 private:
  void advance(Instant now);
  static std::int64_t number_of(Instant now) { return now.time_since_epoch() / kInterval; }
  Amount& current() { return ring_[static_cast<std::size_t>(newest_) % kIntervals]; }

  std::array<Amount, kIntervals> ring_{};
  std::int64_t first_;   ///< number of the interval it began in
  std::int64_t newest_;  ///< of the one that is filled now
  Amount counted_;
};

}  // namespace adit::control
