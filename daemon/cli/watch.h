// SPDX-License-Identifier: MIT
// adit status --watch: a live view of one link at a time, redrawn in place once a second, until somebody quits it.
#pragma once

#include <string>
#include <vector>

namespace adit::cli {

struct Context;

/// `names`: the links to choose from; none: those that run, whichever they are by then. Returns the exit status.
int watch(const std::vector<std::string>& names, Context& context);

}  // namespace adit::cli
