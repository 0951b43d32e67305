// SPDX-License-Identifier: MIT
// How many processors there are for us, and how many threads are to move packets on them.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

#include "config/config.h"

namespace adit::path {

/// What there are no more of.
enum class Limit : std::uint8_t {
  none,
  processors,  ///< of the machine, or of the affinity of this process
  quota,       ///< of them, in a control group
  tasks,       ///< that the system lets us have
};

struct Processors {
  std::size_t count = 1;  ///< the largest number where it cannot be known
  Limit limit = Limit::processors;
};

/// That this process may use: by its affinity, and by what its control group, or one above it, is given of them
/// (CPUQuota= of a systemd unit; a part of a processor does not count, but there is always one). `root`: for tests.
Processors usable_processors(const std::filesystem::path& root = "/");

struct Workers {
  std::size_t count = 1;
  Limit limit = Limit::none;  ///< why there are fewer than the file asks for
};

/// tuning.workers as a number. More than there are processors would wait for each other.
Workers workers_for(const config::Tuning& tuning, const Processors& processors);
/// `had` of them are there.
Workers workers_that_are_there(const Workers& wanted, std::size_t had);

/// The word scripts read; empty: none.
std::string_view name_of(Limit limit);
/// For whoever asked for more by the file; empty: nobody did.
std::string describe(const config::Tuning& tuning, const Workers& workers);

}  // namespace adit::path
