// SPDX-License-Identifier: MIT
#include "path/processors.h"

#include <fmt/core.h>
#include <sched.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <string>

namespace adit::path {
namespace {

/// What is done in order, by one thread at a time, takes a third of the time (docs/threads.md): more threads than this
/// wait for each other.
constexpr std::size_t kMostByItself = 4;

/// Not to be known, or without a bound.
constexpr std::size_t kAny = std::string::npos;

std::size_t in_affinity() {
  // One has room for 1,024 processors. The kernel refuses what has less than the machine could have: 8,192 by now.
  std::array<cpu_set_t, 64> sets{};
  if (sched_getaffinity(0, sizeof sets, sets.data()) != 0) return kAny;
  return static_cast<std::size_t>(std::max(CPU_COUNT_S(sizeof sets, sets.data()), 1));
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
  if (!(file >> quota >> period) || period == 0) return kAny;
  return std::max<std::size_t>(quota / period, 1);
}

}  // namespace

Processors usable_processors(const std::filesystem::path& root) {
  Processors usable{.count = in_affinity()};
  const auto bound_by = [&usable](std::size_t quota) {
    if (quota < usable.count) usable = {.count = quota, .limit = Limit::quota};
  };
  auto place = root / "sys/fs/cgroup";
  bound_by(in_quota(place));  // the root of a container
  const std::filesystem::path group = control_group(root);
  for (const auto& part : group) {
    place /= part;
    bound_by(in_quota(place));
  }
  return usable;
}

Workers workers_for(const config::Tuning& tuning, const Processors& processors) {
  // With two, the programs whose packets they are need the other one.
  if (!tuning.workers) return {.count = processors.count <= 2 ? 1 : std::min(processors.count, kMostByItself)};
  if (*tuning.workers <= processors.count) return {.count = *tuning.workers};
  return {.count = processors.count, .limit = processors.limit};
}

Workers workers_that_are_there(const Workers& wanted, std::size_t had) {
  return had < wanted.count ? Workers{.count = had, .limit = Limit::tasks} : wanted;
}

std::string_view name_of(Limit limit) {
  switch (limit) {
    case Limit::none:
      break;
    case Limit::processors:
      return "processors";
    case Limit::quota:
      return "quota";
    case Limit::tasks:
      return "tasks";
  }
  return {};
}

std::string describe(const config::Tuning& tuning, const Workers& workers) {
  const auto asked = tuning.workers.value_or(0);
  const auto count = workers.count;
  switch (workers.limit) {
    case Limit::none:
      break;
    case Limit::processors:
      return fmt::format(
          "tuning.workers asks for {} threads that move packets, and this process may use {} processor{} (all of the "
          "machine's, or its affinity: CPUAffinity= of the unit, `taskset`). More would wait for each other, so there "
          "{} {}: give it more processors, or lower the number",
          asked, count, count == 1 ? "" : "s", count == 1 ? "is" : "are", count);
    case Limit::quota:
      return fmt::format(
          "tuning.workers asks for {} threads that move packets, and the time of {} processor{} is all that the "
          "control "
          "group may use. More would wait for each other, so there {} {}: raise CPUQuota= of the unit (or cpu.max of a "
          "group above it), or lower the number",
          asked, count, count == 1 ? "" : "s", count == 1 ? "is" : "are", count);
    case Limit::tasks:
      return fmt::format(
          "only {} thread{} that move{} packets could be started: raise the limit of tasks (TasksMax of the unit, or "
          "`ulimit -u`), or lower tuning.workers",
          count, count == 1 ? "" : "s", count == 1 ? "s" : "");
  }
  return {};
}

}  // namespace adit::path
