// SPDX-License-Identifier: MIT
#include "base/assert.h"

#include <cstdio>
#include <cstdlib>

namespace adit {

void assertion_failed(const char* condition, const char* file, int line) noexcept {
  std::fprintf(stderr, "adit: bug: %s does not hold at %s:%d; please report it\n", condition, file, line);
  std::abort();
}

}  // namespace adit
