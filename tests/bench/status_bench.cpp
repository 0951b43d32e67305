// SPDX-License-Identifier: MIT
// The answer to a status request. It is made by the thread that moves packets, so for as long as it takes the link
// stands still. Bytes are those of the answer; the argument is the number of routes.
#include <benchmark/benchmark.h>
#include <fmt/core.h>

#include <nlohmann/json.hpp>

#include "control/status_report.h"

namespace adit::bench {
namespace {

/// With everything set that can be.
control::Report full_report(std::size_t routes) {
  using std::chrono_literals::operator""s;
  using std::chrono_literals::operator""us;
  control::Report report{.name = "office",
                         .interface = "office",
                         .health = {link::State::stale, "no authenticated packet from 192.0.2.7:51820 for 200 s"},
                         .since = {1'700'000'000s},
                         .remote = Endpoint::parse("192.0.2.7:51820").value_or(Endpoint{}),
                         .keepalive = 25s,
                         .listen = "51820",
                         .mtu = 1420,
                         .crypto = "libipsec-mb"};
  report.status.endpoint_source = tunnel::EndpointSource::learned;
  report.status.handshake_at = Instant{} + 5s;
  report.status.handshake_time = {1'700'000'123s};
  report.status.round_trip = 12'345us;
  report.status.sent = {.packets = 123'456'789, .bytes = 123'456'789'012};
  report.status.received = {.packets = 123'456'789, .bytes = 123'456'789'012};
  for (std::size_t i = 0; i < routes; ++i) {
    report.routes.push_back({.to = IpNetwork::parse(fmt::format("10.20.{}.0/24", i % 256)).value_or(IpNetwork{}),
                             .metric = 50,
                             .table = 100,
                             .source = IpAddress::parse("10.9.0.1")});
  }
  return report;
}

void status_answer(benchmark::State& state) {
  const auto report = full_report(static_cast<std::size_t>(state.range(0)));
  std::size_t size = 0;
  for (auto _ : state) {
    const auto answer = control::to_json(report).dump();
    size = answer.size();
    benchmark::DoNotOptimize(answer.data());
  }
  state.SetItemsProcessed(state.iterations());
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(size));
}
BENCHMARK(status_answer)->Arg(0)->Arg(16)->Arg(256);

}  // namespace
}  // namespace adit::bench
