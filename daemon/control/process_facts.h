// SPDX-License-Identifier: MIT
// What this process costs its host.
#pragma once

#include <cstdint>

namespace adit::control {

struct ProcessFacts {
  std::int64_t pid = 0;
  double cpu_seconds = 0;          ///< in user and kernel mode, since it began
  std::uint64_t memory_bytes = 0;  ///< resident; 0: unknown
};

ProcessFacts process_facts();

}  // namespace adit::control
