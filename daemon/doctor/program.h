// SPDX-License-Identifier: MIT
// Another program's standard output, with a bound on time and size. Its input is empty, its complaints are not read.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "base/result.h"

namespace adit::doctor {

/// `words[0]` is looked for in the system's folders alone, not in PATH: we may be root, and an ordinary user's PATH
/// often lacks sbin. The error says why there is no output ("nft is not installed").
Result<std::string> output_of(const std::vector<std::string>& words, std::chrono::milliseconds patience);

}  // namespace adit::doctor
