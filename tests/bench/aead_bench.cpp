// SPDX-License-Identifier: MIT
// Seal and open: what is expensive about an encrypted link. In batches, as the data path does it, each packet out of
// place into memory of its own; bytes are those of the plaintext.
#include <benchmark/benchmark.h>
#include <fmt/core.h>

#include <chrono>
#include <cstdio>
#include <memory>
#include <vector>

#include "benches.h"
#include "crypto/backends.h"

namespace adit::bench {
namespace {

using crypto::Aead;
using crypto::kTagSize;

constexpr std::size_t kBatch = 16;  // together small enough for the L2 cache at every size

struct Packets {
  explicit Packets(std::size_t size) {
    for (std::size_t i = 0; i < kBatch; ++i) {
      plain.emplace_back(size, static_cast<std::uint8_t>(i));
      sealed.emplace_back(size + kTagSize);
    }
    for (std::size_t i = 0; i < kBatch; ++i) {
      seal_jobs.push_back({.key = &key, .counter = i, .plaintext = plain[i], .out = sealed[i]});
      open_jobs.push_back({.key = &key, .counter = i, .sealed = sealed[i], .out = plain[i]});
    }
  }

  crypto::DerivedKey key;
  std::vector<std::vector<std::uint8_t>> plain;
  std::vector<std::vector<std::uint8_t>> sealed;
  std::vector<crypto::SealJob> seal_jobs;
  std::vector<crypto::OpenJob> open_jobs;
};

void report(benchmark::State& state, std::size_t size) {
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kBatch));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(kBatch * size));
}

void seal(benchmark::State& state, const Aead& aead) {
  const auto size = static_cast<std::size_t>(state.range(0));
  Packets packets(size);
  for (auto _ : state) {
    aead.seal(packets.seal_jobs);
    benchmark::ClobberMemory();
  }
  report(state, size);
}

void open(benchmark::State& state, const Aead& aead) {
  const auto size = static_cast<std::size_t>(state.range(0));
  Packets packets(size);
  aead.seal(packets.seal_jobs);
  for (auto _ : state) {
    aead.open(packets.open_jobs);
    benchmark::ClobberMemory();
  }
  for (const auto& job : packets.open_jobs) {
    if (!job.authentic) state.SkipWithError("a packet it has sealed itself does not open");
  }
  report(state, size);
}

void for_sizes(benchmark::internal::Benchmark* one) {
  for (const auto size : {64, 256, 1420, 8192}) one->Arg(size);
}

}  // namespace

void register_aead() {
  static std::vector<std::unique_ptr<Aead>> backends;  // the benchmarks keep references
  for (const auto name : crypto::backend_names()) {
    const auto clock = [] { return Instant(std::chrono::steady_clock::now().time_since_epoch()); };
    auto chosen = crypto::choose_aead(name, clock);
    if (!chosen) {
      fmt::print(stderr, "left out: {}\n", chosen.error().message);
      continue;
    }
    backends.push_back(std::move(*chosen));
    const auto& aead = *backends.back();
    for_sizes(benchmark::RegisterBenchmark(fmt::format("seal/{}", name).c_str(),
                                           [&aead](auto& state) { seal(state, aead); }));
    for_sizes(benchmark::RegisterBenchmark(fmt::format("open/{}", name).c_str(),
                                           [&aead](auto& state) { open(state, aead); }));
  }
}

}  // namespace adit::bench
