// SPDX-License-Identifier: MIT
// How many processors there are for us, and how many threads are to move packets on them.
#pragma once

#include <cstddef>
#include <filesystem>

#include "config/config.h"

namespace adit::path {

/// That this process may use: by its affinity, and by what its control group, or one above it, is given of them
/// (CPUQuota= of a systemd unit; a part of a processor does not count, but there is always one). `root`: for tests.
std::size_t usable_processors(const std::filesystem::path& root = "/");

/// tuning.workers as a number.
std::size_t workers_for(const config::Tuning& tuning, std::size_t processors);

}  // namespace adit::path
