// SPDX-License-Identifier: MIT
// What came of putting things back. One that cannot be had keeps none of the others away, so there may be both: what
// was put back, and what was in the way.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace adit::host {

struct Restored {
  std::vector<std::string> what;  ///< in words
  std::string problem;            ///< sentences; empty: nothing was in the way
  std::optional<bool> up = {};    ///< the interface was found so; none: nobody looked, or it was not there

  void note(const Result<>& done) {
    if (!done && !problem.contains(done.error().message))
      problem += (problem.empty() ? "" : "; ") + done.error().message;
  }
  void add(const Restored& other) {
    what.insert(what.end(), other.what.begin(), other.what.end());
    if (!other.problem.empty()) note(fail("{}", other.problem));
    if (other.up) up = other.up;
  }
};

}  // namespace adit::host
