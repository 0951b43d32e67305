// SPDX-License-Identifier: MIT
#include "base/guard_memory.h"

#include <sys/prctl.h>
#include <sys/resource.h>

namespace adit {

/// Both: a core file that goes to a program (kernel.core_pattern) knows no limit.
void guard_memory() {
  const rlimit none{.rlim_cur = 0, .rlim_max = 0};
  ::setrlimit(RLIMIT_CORE, &none);
  ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

}  // namespace adit
