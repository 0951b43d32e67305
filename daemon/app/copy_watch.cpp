// SPDX-License-Identifier: MIT
#include "app/copy_watch.h"

#include <utility>

namespace adit::app {
namespace {

/// The two clocks it is the difference of are not read at one moment. No suspend is that short.
constexpr Duration kNoise = std::chrono::milliseconds(100);

}  // namespace

CopyWatch::CopyWatch(net::EventLoop& loop, std::function<Duration()> suspended, Noticed noticed,
                     std::optional<Duration> before)
    : suspended_(std::move(suspended)),
      noticed_(std::move(noticed)),
      seen_(before.value_or(suspended_())),
      generation_(loop, [this] { noticed_("this virtual machine was cloned, or put back to a snapshot"); }) {}

void CopyWatch::turn() {
  const auto suspended = suspended_();
  if (suspended - seen_ <= kNoise) return;
  seen_ = suspended;
  noticed_("this host was suspended");
}

void CopyWatch::turn_beside_loop() {
  generation_.look();
  turn();
}

}  // namespace adit::app
