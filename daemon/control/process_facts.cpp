// SPDX-License-Identifier: MIT
#include "control/process_facts.h"

#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <fstream>

namespace adit::control {
namespace {

double seconds(const timeval& time) {
  return std::chrono::duration<double>(std::chrono::seconds(time.tv_sec) + std::chrono::microseconds(time.tv_usec))
      .count();
}

/// proc(5): the second number of statm, in pages.
std::uint64_t resident_bytes() {
  std::uint64_t all = 0;
  std::uint64_t resident = 0;
  std::ifstream("/proc/self/statm") >> all >> resident;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace

ProcessFacts process_facts() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return {.pid = ::getpid(),
          .cpu_seconds = seconds(usage.ru_utime) + seconds(usage.ru_stime),
          .memory_bytes = resident_bytes()};
}

}  // namespace adit::control
