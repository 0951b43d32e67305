// SPDX-License-Identifier: MIT
// What came of reading the file again, for whoever asked and for the log.
#pragma once

#include <expected>
#include <string>
#include <vector>

namespace adit::control {

/// Nothing was changed.
struct ReloadRefusal {
  std::string sentence;               ///< why, and what to do
  std::vector<std::string> problems;  ///< of the file: FILE:LINE:COL: key: reason; empty: the file is right
};

/// A sentence for each key that was changed, or will be by another run; none: the file says what it said before.
using ReloadOutcome = std::expected<std::vector<std::string>, ReloadRefusal>;

}  // namespace adit::control
