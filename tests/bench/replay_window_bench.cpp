// SPDX-License-Identifier: MIT
// The replay window: one question for every packet received.
#include <benchmark/benchmark.h>

#include "noise/replay_window.h"

namespace adit::bench {
namespace {

using noise::ReplayWindow;

void replay_in_order(benchmark::State& state) {
  ReplayWindow window;
  std::uint64_t counter = 0;
  for (auto _ : state) benchmark::DoNotOptimize(window.accept(counter++));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(replay_in_order);

/// Every run of sixteen arrives backwards, as it may when a path has several lanes.
void replay_out_of_order(benchmark::State& state) {
  ReplayWindow window;
  std::uint64_t counter = 0;
  for (auto _ : state) benchmark::DoNotOptimize(window.accept(counter++ ^ 15));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(replay_out_of_order);

void replay_refused(benchmark::State& state) {
  ReplayWindow window;
  window.accept(1'000);
  for (auto _ : state) benchmark::DoNotOptimize(window.accept(1'000));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(replay_refused);

}  // namespace
}  // namespace adit::bench
