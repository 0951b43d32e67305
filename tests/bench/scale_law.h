// SPDX-License-Identifier: MIT
// What the costs of the stages say about several workers (docs/performance.md), and the table of what was measured
// beside it.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace adit::bench {

/// ns of a super-packet with one worker, and what of it may be done by whom. Throughput is as much as all workers do
/// together, but never more than what goes through the hands of one thread at a time.
struct Law {
  double all = 0;
  double anybody = 0;   ///< by any thread at any time: cipher, checksums, cutting and putting together
  double in_order = 0;  ///< by any thread, one at a time for each queue of the interface: sending, or writing
  double read = 0;      ///< of the interface: by the owner, or one at a time for each queue where there are several
  double receive = 0;   ///< of the socket: by the owner
  /// By the thread that has the tunnel, and nobody else.
  double owner(std::size_t queues) const { return all - anybody - in_order - (queues > 1 ? read : 0); }
  /// Of that, what is neither reading nor receiving.
  double rest() const { return owner(1) - read - receive; }
};

/// What there is to do it.
struct Means {
  std::size_t workers = 1;
  std::size_t queues = 1;
  std::size_t busy = 1;  ///< of the queues, those that have a flow
};

double predicted_gbits(const Law& law, const Means& means);
/// If another thread than the one that has the tunnel received.
double predicted_gbits_apart(const Law& law, const Means& means);
const char* bottleneck(const Law& law, const Means& means);

struct Figures {
  double gbits = 0;
  double median_us = 0;
  double late_us = 0;  ///< 99th percentile
  double cpu_ns = 0;   ///< of all threads, for a super-packet
};

/// Of one direction and one number of flows.
struct Scaling {
  std::string name;
  Law law;
  struct Row {
    Means means;
    std::optional<Figures> measured;  ///< none: there are too few processors
  };
  std::vector<Row> rows;
};

double gbits(std::size_t supers, double seconds);
void print(const Scaling& scaling);
/// Rows of one table, to be pasted into docs/performance.md.
void print_markdown(const std::vector<Scaling>& all);

}  // namespace adit::bench
