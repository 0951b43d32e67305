// SPDX-License-Identifier: MIT
// Leaving the terminal: the process that was started waits until the one that goes on is ready, and ends with its
// status. To be done before there are threads, sockets or timers.
#pragma once

#include <functional>

#include "base/file_descriptor.h"
#include "base/result.h"

namespace adit::app {

/// Runs `work` in another process, which is to call `ready` once it serves. Returns there what `work` returned, and
/// here 0 when it is ready, or its exit status if it ended before.
/// From `ready` on the process has neither terminal nor output: the journal gets what it would print, if there is one.
Result<int> run_in_background(const std::function<int(const std::function<void()>& ready)>& work);

}  // namespace adit::app
