// SPDX-License-Identifier: MIT
// The program `aditd`.
#include <cstdio>
#include <new>

#include "app/serve.h"
#include "base/guard_memory.h"

namespace {

/// Said without any memory being taken for it.
constexpr const char* kNoMemory =
    "aditd: there is not enough memory for a link, which takes about 32 MB of address space: raise what this process "
    "is allowed (ulimit -v, LimitAS= of the unit)\n";

}  // namespace

int main(int argc, char** argv) {
  adit::guard_memory();
  try {
    return adit::app::serve(argc, argv);
  } catch (const std::bad_alloc&) {
    std::fputs(kNoMemory, stderr);
    return adit::app::kFailed;
  }
}
