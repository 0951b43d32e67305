// SPDX-License-Identifier: MIT
// The micro-benchmarks' program: single steps of a packet's way, in memory, without a system call in them. What they
// are good for, and what not: docs/benchmarking.md.
#include <benchmark/benchmark.h>
#include <sodium.h>

#include <cstdio>

#include "benches.h"

int main(int argc, char** argv) {
  // As the daemon does at its start: before it, libsodium uses plain C where the CPU has better.
  if (sodium_init() < 0) {
    std::fputs("adit_bench: libsodium does not start on this machine\n", stderr);
    return 1;
  }
  adit::bench::register_aead();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
