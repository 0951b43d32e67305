// SPDX-License-Identifier: MIT
#include "path/processors.h"

#include <sched.h>

#include <algorithm>
#include <fstream>
#include <string>

namespace adit::path {
namespace {

/// What is done in order, by one thread at a time, takes a third of the time (docs/threads.md): more threads than this
/// wait for each other.
constexpr std::size_t kMostByItself = 4;

std::size_t in_affinity() {
  cpu_set_t set;
  CPU_ZERO(&set);
  // A machine with more processors than the set has room for has more than enough.
  if (sched_getaffinity(0, sizeof set, &set) != 0) return kMostByItself;
  return static_cast<std::size_t>(std::max(CPU_COUNT(&set), 1));
}

/// "0::/system.slice/adit@office.service", of control groups in their second version; empty: there is none.
std::string control_group(const std::filesystem::path& root) {
  std::ifstream file(root / "proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("0::/")) return line.substr(4);
  }
  return {};
}

/// Whole processors that `cpu.max` allows: "150000 100000" is one and a half, "max 100000" all.
std::size_t in_quota(const std::filesystem::path& group) {
  std::ifstream file(group / "cpu.max");
  std::uint64_t quota = 0;
  std::uint64_t period = 0;
  if (!(file >> quota >> period) || period == 0) return std::string::npos;
  return std::max<std::size_t>(quota / period, 1);
}

}  // namespace

std::size_t usable_processors(const std::filesystem::path& root) {
  auto count = in_affinity();
  const auto top = root / "sys/fs/cgroup";
  const std::filesystem::path group = control_group(root);
  count = std::min(count, in_quota(top));  // the root of a container
  auto place = top;
  for (const auto& part : group) {
    place /= part;
    count = std::min(count, in_quota(place));
  }
  return count;
}

std::size_t workers_for(const config::Tuning& tuning, std::size_t processors) {
  if (tuning.workers) return *tuning.workers;
  // With two, the programs whose packets they are need the other one.
  return processors <= 2 ? 1 : std::min(processors, kMostByItself);
}

}  // namespace adit::path
