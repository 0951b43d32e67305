// SPDX-License-Identifier: MIT
// Signals as events of the loop (signalfd): no handler runs anywhere, so nothing has to be async-signal-safe.
#pragma once

#include <csignal>
#include <functional>
#include <vector>

#include "base/file_descriptor.h"
#include "net/event_loop.h"

namespace adit::net {

/// Blocks the signals for this thread and those it starts later: make one before any thread. The destructor restores
/// the mask as it was; a signal that is then still pending takes its usual course.
class SignalWatch {
 public:
  using Arrived = std::function<void(int signal)>;
  SignalWatch(EventLoop& loop, Arrived callback, const std::vector<int>& signals = {SIGTERM, SIGINT, SIGHUP});
  ~SignalWatch();
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;

 private:
  sigset_t before_;
  FileDescriptor fd_;
  Watch watch_;
};

}  // namespace adit::net
