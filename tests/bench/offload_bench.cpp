// SPDX-License-Identifier: MIT
// Split and merge of super-packets as large as they get, and the checksum both rest on. An item is a packet on the
// link; bytes are those of the super-packet.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <vector>

#include "offload/checksum.h"
#include "offload/merge.h"
#include "offload/split.h"
#include "packets.h"

namespace adit::bench {
namespace {

using offload::GsoType;
using offload::SplitPlan;
using offload::VirtioHeader;
using offload::test::Buffer;
using offload::test::Recipe;

constexpr std::size_t kMtu = 1420;
constexpr std::size_t kLargest = 65'535;

/// A super-packet of whole segments and what the kernel says about it.
struct SuperPacket {
  explicit SuperPacket(Recipe recipe) {
    headers = offload::test::build(recipe).size();
    segment_size = kMtu - headers;
    recipe.payload.assign((kLargest - headers) / segment_size * segment_size, 0x5a);
    packet = offload::test::with_partial_checksum(offload::test::build(recipe));
    const auto type = !recipe.tcp ? GsoType::udp : recipe.v4 ? GsoType::tcp4 : GsoType::tcp6;
    virtio = {.flags = VirtioHeader::kNeedsChecksum,
              .gso_type = static_cast<std::uint8_t>(type),
              .header_size = static_cast<std::uint16_t>(headers),
              .segment_size = static_cast<std::uint16_t>(segment_size),
              .checksum_start = static_cast<std::uint16_t>(offload::test::transport_offset(packet)),
              .checksum_offset = static_cast<std::uint16_t>(recipe.tcp ? 16 : 6)};
  }

  VirtioHeader virtio;
  std::size_t headers = 0;
  std::size_t segment_size = 0;
  Buffer packet;
};

Recipe recipe_of(bool v4, bool tcp) {
  // Linux puts a timestamp of twelve bytes into every segment.
  return {.v4 = v4, .tcp = tcp, .tcp_options = tcp ? 12u : 0u};
}

void report(benchmark::State& state, std::size_t packets, std::size_t bytes) {
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(packets));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bytes));
}

void split(benchmark::State& state, bool v4, bool tcp) {
  SuperPacket super(recipe_of(v4, tcp));
  const Buffer headers(super.packet.begin(), super.packet.begin() + static_cast<long>(super.headers));
  std::size_t segments = 0;
  for (auto _ : state) {
    std::ranges::copy(headers, super.packet.begin());  // the last turn has changed them
    const auto plan = SplitPlan::make(super.virtio, super.packet);
    if (!plan) return state.SkipWithError("the super-packet is refused");
    segments = plan->segments();
    for (std::size_t i = 0; i < segments; ++i) {
      auto segment = plan->write_header(super.packet, i);
      benchmark::DoNotOptimize(segment.data());
    }
    benchmark::ClobberMemory();
  }
  report(state, segments, super.packet.size());
}
BENCHMARK_CAPTURE(split, tcp4, true, true);
BENCHMARK_CAPTURE(split, tcp6, false, true);
BENCHMARK_CAPTURE(split, udp4, true, false);
BENCHMARK_CAPTURE(split, udp6, false, false);

/// The packets that a super-packet consists of, as they come out of decryption.
std::vector<Buffer> segments_of(SuperPacket super) {
  std::vector<Buffer> segments;
  const auto plan = SplitPlan::make(super.virtio, super.packet);
  for (std::size_t i = 0; plan && i < plan->segments(); ++i) {
    const auto segment = plan->write_header(super.packet, i);
    segments.emplace_back(segment.begin(), segment.end());
  }
  return segments;
}

void merge(benchmark::State& state, bool v4, bool tcp) {
  const SuperPacket super(recipe_of(v4, tcp));
  auto segments = segments_of(super);
  const std::vector<MutableBytes> packets(segments.begin(), segments.end());
  const Buffer headers(segments[0].begin(), segments[0].begin() + static_cast<long>(super.headers));
  offload::Merger merger{{}};
  for (auto _ : state) {
    std::ranges::copy(headers, segments[0].begin());  // the last turn has made them those of the super-packet
    const auto deliveries = merger.merge(packets);
    if (deliveries.size() != 1) return state.SkipWithError("the packets are not merged into one");
    benchmark::DoNotOptimize(deliveries.data());
    benchmark::ClobberMemory();
  }
  report(state, packets.size(), super.packet.size());
}
BENCHMARK_CAPTURE(merge, tcp4, true, true);
BENCHMARK_CAPTURE(merge, tcp6, false, true);
BENCHMARK_CAPTURE(merge, udp4, true, false);
BENCHMARK_CAPTURE(merge, udp6, false, false);

/// As many flows as packets, none of which merges: what somebody who sends from ports at random makes us do.
void merge_flows(benchmark::State& state) {
  std::vector<Buffer> buffers;
  for (int i = 0; i < state.range(0); ++i) {
    auto recipe = recipe_of(true, false);
    recipe.source_port = static_cast<std::uint16_t>(1024 + i);
    recipe.payload.assign(100, 0x5a);
    buffers.push_back(offload::test::build(recipe));
  }
  const std::vector<MutableBytes> packets(buffers.begin(), buffers.end());
  offload::Merger merger{{}};
  for (auto _ : state) benchmark::DoNotOptimize(merger.merge(packets).data());
  report(state, packets.size(), packets.size() * buffers[0].size());
}
BENCHMARK(merge_flows)->Arg(1)->Arg(64)->Arg(4096);

void checksum(benchmark::State& state) {
  const Buffer bytes(static_cast<std::size_t>(state.range(0)), 0x5a);
  for (auto _ : state) {
    auto sum = offload::checksum_finish(offload::checksum_add(bytes));
    benchmark::DoNotOptimize(sum);
  }
  report(state, 1, bytes.size());
}
BENCHMARK(checksum)->Arg(20)->Arg(64)->Arg(1420)->Arg(65'535);

}  // namespace
}  // namespace adit::bench
