// SPDX-License-Identifier: MIT
#include "scale_law.h"

#include <fmt/core.h>

#include <algorithm>

#include "scale_costs.h"

namespace adit::bench {

double gbits(std::size_t supers, double seconds) {
  return static_cast<double>(supers * (kPayload + kSegments * 52) * 8) / seconds / 1e9;
}

namespace {

/// A queue can be read while what was read before is sent.
double queue(const Law& law, const Means& means) {
  return means.queues > 1 ? std::max(law.in_order, law.read) / static_cast<double>(means.busy) : law.in_order;
}

}  // namespace

double predicted_gbits(const Law& law, const Means& means) {
  const auto together = law.all / static_cast<double>(means.workers);
  return gbits(1, std::max({together, law.owner(means.queues), queue(law, means)}) / 1e9);
}

double predicted_gbits_apart(const Law& law, const Means& means) {
  const auto together = law.all / static_cast<double>(means.workers);
  const auto owner = law.owner(means.queues) - law.receive;
  return gbits(1, std::max({together, owner, law.receive, queue(law, means)}) / 1e9);
}

const char* bottleneck(const Law& law, const Means& means) {
  if (means.workers == 1) return "all stages in turn";
  const auto owner = law.owner(means.queues);
  const auto in_order = queue(law, means);
  if (law.all / static_cast<double>(means.workers) >= std::max(owner, in_order)) return "the number of workers";
  return in_order >= owner ? "what is done in order" : "the thread that has the tunnel";
}

void print(const Scaling& scaling) {
  const auto& law = scaling.law;
  fmt::print(
      "  {}: owner {:.1f} µs, receiving {:.1f} µs, reading {:.1f} µs, anybody {:.1f} µs, in order {:.1f} µs a "
      "super-packet of {}\n",
      scaling.name, law.rest() / 1e3, law.receive / 1e3, law.read / 1e3, law.anybody / 1e3, law.in_order / 1e3,
      kSegments);
  const auto one = scaling.rows.front().measured.value_or(Figures{}).gbits;
  for (const auto& [means, measured] : scaling.rows) {
    const auto& [workers, queues, busy] = means;
    fmt::print("    {} worker{} {} queue{}", workers, workers == 1 ? " " : "s", queues, queues == 1 ? " " : "s");
    if (measured) {
      fmt::print("  {:6.2f} Gbit/s  {:4.2f} times  (predicted {:.2f})  processor {:.1f} µs", measured->gbits,
                 measured->gbits / one, predicted_gbits(law, means), measured->cpu_ns / 1e3);
      if (measured->median_us > 0) {
        fmt::print("  read to sent {:.0f} µs, 99 % {:.0f} µs", measured->median_us, measured->late_us);
      }
    } else {
      fmt::print("  not measured: too few processors  predicted {:.2f} Gbit/s", predicted_gbits(law, means));
    }
    fmt::print("  [{}]", bottleneck(law, means));
    if (law.receive > 0) fmt::print("  with receiving apart {:.2f}", predicted_gbits_apart(law, means));
    fmt::print("\n");
  }
}

void print_markdown(const std::vector<Scaling>& all) {
  fmt::print("| | owner | receiving | reading | anybody | in order |\n| --- | --- | --- | --- | --- | --- |\n");
  for (const auto& [name, law, rows] : all) {
    fmt::print("| {} | {:.1f} | {:.1f} | {:.1f} | {:.1f} | {:.1f} |\n", name, law.rest() / 1e3, law.receive / 1e3,
               law.read / 1e3, law.anybody / 1e3, law.in_order / 1e3);
  }
  fmt::print(
      "\n| | workers | queues | measured | times | predicted | times | receiving apart | read to sent, 99 % | what "
      "bounds it "
      "|\n| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n");
  for (const auto& [name, law, rows] : all) {
    const auto one = rows.front().measured.value_or(Figures{}).gbits;
    for (const auto& [means, measured] : rows) {
      const auto predicted = predicted_gbits(law, means);
      fmt::print("| {} | {} | {} | ", name, means.workers, means.queues);
      if (measured) {
        fmt::print("{:.1f} | {:.2f} | ", measured->gbits, measured->gbits / one);
      } else {
        fmt::print("too few processors | | ");
      }
      fmt::print("{:.1f} | {:.2f} | ", predicted, predicted / predicted_gbits(law, {}));
      if (law.receive > 0) fmt::print("{:.1f}", predicted_gbits_apart(law, means));
      fmt::print(" | ");
      if (measured && measured->median_us > 0) {
        fmt::print("{:.0f} µs, {:.0f} µs", measured->median_us, measured->late_us);
      }
      fmt::print(" | {} |\n", bottleneck(law, means));
    }
  }
}

}  // namespace adit::bench
