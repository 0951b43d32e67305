// SPDX-License-Identifier: MIT
// What several workers bring (scripts/bench --scale): the real data path, in memory, between ports that cost what the
// system calls cost on this machine. Those costs are measured first, on a TUN and sockets of a network namespace of its
// own, and then spent in a loop that is calibrated by processor time. What the machine has no processors for is not
// measured but predicted, from the costs of the stages (docs/threads.md).
#include <fmt/core.h>
#include <poll.h>
#include <sodium.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "crypto/backends.h"
#include "net/system.h"
#include "path/data_path.h"
#include "path/processors.h"
#include "scale_costs.h"
#include "scale_law.h"
#include "scale_ports.h"
#include "scale_stages.h"
#include "support.h"

namespace adit::bench {
namespace {

// Two hosts
// ------------------------------------------------------------------------------------------------------------

struct Host {
  Host(std::uint64_t seed, const Spender& spender, const Costs& costs, std::size_t flows, std::size_t queues)
      : random(seed), tun(spender, costs, flows, queues), wire(spender, costs) {}
  test::SeededRandom random;
  test::SettableWallClock wall_clock;
  std::unique_ptr<tunnel::Tunnel> tunnel;
  BusyTun tun;
  Wire wire;
  std::optional<path::DataPath> path;
};

class Pair {
 public:
  Pair(const crypto::Aead& aead, const Spender& spender, const Costs& costs, std::size_t flows, std::size_t queues)
      : opened_by(aead), a(1, spender, costs, flows, queues), b(2, spender, costs, flows, 1) {
    auto key_a = crypto::generate_private_key(a.random);
    auto key_b = crypto::generate_private_key(b.random);
    const auto public_a = crypto::public_key_of(key_a);
    start(a, std::move(key_a), crypto::public_key_of(key_b), aead);
    start(b, std::move(key_b), public_a, opened_by);
    a.tunnel->set_copy_dscp(true);  // the queue of a packet, for its datagrams
    a.path->call(a.wire.peer, now);
    for (int i = 0; i < 3; ++i) {
      cross(a, b);
      cross(b, a);
    }
  }
  /// What `from` has sent arrives, and is dealt with.
  void cross(Host& from, Host& to) {
    to.wire.deliver(std::exchange(from.wire.kept, {}));
    work(to, [&] { return to.wire.is_empty(); });
  }
  /// Turns of a host's loop, as the Pump has them, until it is done.
  template <class Done>
  void work(Host& host, const Done& done) {
    auto& path = *host.path;
    while (!done()) {
      path.catch_up(now);
      std::size_t count = 0;
      if (!host.wire.is_empty() && path.takes_datagrams()) count += path.receive(now).count;
      path.lend_a_hand(now);
      for (std::size_t queue = 0; queue < host.tun.queues(); ++queue) {
        if (host.tun.has_packets(queue) && path.takes_packets_of(queue)) path.packets_wait(queue);
      }
      if (host.tun.has_packets() && path.takes_packets()) count += path.send(now).count;
      path.lend_a_hand(now);
      if (count > 0 || path.bell() < 0) continue;
      path.expect_news();
      pollfd bell{.fd = path.bell(), .events = POLLIN, .revents = 0};
      if (!done()) poll(&bell, 1, 100);
      path.heard();
    }
    path.finish(now);
  }

  void forget_costs() {
    for (auto* host : {&a, &b}) {
      host->tun.reading.take();
      host->tun.writing.take();
      host->wire.sending.take();
      host->wire.receiving.take();
    }
    opened_by.opening.take();
  }

  MeteredAead opened_by;
  Host a;
  Host b;
  Instant now = Instant{} + std::chrono::hours(1);

 private:
  static void start(Host& host, crypto::PrivateKey key, const crypto::PublicKey& peer, const crypto::Aead& aead) {
    tunnel::Settings settings{.private_key = std::move(key),
                              .peer_key = peer,
                              .preshared_key = {},
                              .allowed_ips = {IpNetwork::parse("10.9.0.0/30").value()}};
    host.tunnel = std::move(*tunnel::Tunnel::make(std::move(settings), host.random, host.wall_clock));
    host.path.emplace(*host.tunnel, aead, host.tun, host.wire, offload::MergeOptions{}, [](const auto&) {});
  }
};

// Measuring
// ------------------------------------------------------------------------------------------------------------

double percentile(std::vector<double>& samples, double share) {
  if (samples.empty()) return 0;
  std::ranges::sort(samples);
  return samples[static_cast<std::size_t>(share * static_cast<double>(samples.size() - 1))];
}

/// How long each packet takes from its read until it is sent.
class Watched {
 public:
  Watched(Host& host, std::size_t packets, std::size_t parts) : host_(host), lags_(host.tun.queues()) {
    for (auto& lags : lags_) lags.begin(packets);
    host_.tun.lags = &lags_;
    host_.wire.lags = &lags_;
    host_.wire.parts = parts;
    host_.wire.keeps = false;
    host_.wire.sent = 0;
  }
  Watched(const Watched&) = delete;
  Watched& operator=(const Watched&) = delete;
  ~Watched() {
    host_.tun.lags = nullptr;
    host_.wire.lags = nullptr;
    host_.wire.keeps = true;
  }
  std::vector<double> all() const {
    std::vector<double> all;
    for (const auto& lags : lags_) all.insert(all.end(), lags.lags.begin(), lags.lags.end());
    return all;
  }

 private:
  Host& host_;
  std::vector<Lags> lags_;
};

/// Time and processor time of `work`.
template <class Work>
Figures timed(std::size_t supers, const Work& work) {
  const auto used = cpu_ns(CLOCK_PROCESS_CPUTIME_ID);
  const auto begin = Clock::now();
  work();
  const std::chrono::duration<double> took = Clock::now() - begin;
  return {.gbits = gbits(supers, took.count()),
          .cpu_ns = (cpu_ns(CLOCK_PROCESS_CPUTIME_ID) - used) / static_cast<double>(supers)};
}

Figures measure_out(Pair& pair, std::size_t workers, std::size_t supers) {
  auto& host = pair.a;
  host.path->set_workers(workers, pair.now);
  const Watched watched(host, supers, kSegments);
  host.tun.offer(supers);
  auto figures = timed(supers, [&] { pair.work(host, [&] { return host.wire.sent >= supers * kSegments; }); });
  auto lags = watched.all();
  figures.median_us = percentile(lags, 0.5);
  figures.late_us = percentile(lags, 0.99);
  return figures;
}

Figures measure_in(Pair& pair, std::size_t workers, std::size_t supers) {
  pair.a.path->set_workers(1, pair.now);
  pair.a.wire.sent = 0;
  pair.a.tun.offer(supers);
  pair.work(pair.a, [&] { return pair.a.wire.sent >= supers * kSegments; });
  auto& host = pair.b;
  host.path->set_workers(workers, pair.now);
  host.wire.deliver(std::exchange(pair.a.wire.kept, {}));
  host.tun.written = 0;
  return timed(supers, [&] { pair.work(host, [&] { return host.tun.written >= supers * kSegments; }); });
}

/// One small packet at a time: from its read until it is sent.
double measure_lone(Pair& pair, std::size_t workers, std::size_t packets) {
  auto& host = pair.a;
  host.path->set_workers(workers, pair.now);
  const Watched watched(host, packets, 1);
  host.tun.lone = true;
  for (std::size_t i = 0; i < packets; ++i) {
    host.tun.offer(1);
    pair.work(host, [&] { return host.wire.sent > i; });
  }
  host.tun.lone = false;
  auto lags = watched.all();
  return percentile(lags, 0.5);
}

struct Options {
  bool quick = false;
  bool markdown = false;
};

class Bench {
 public:
  Bench(const crypto::Aead& aead, const Spender& spender, const Costs& costs, const Options& options)
      : aead_(aead), spender_(spender), costs_(costs), quick_(options.quick) {
    const int rounds = quick_ ? 200 : 2000;
    cipher_ = measure_cipher(aead, rounds);
    seal_ = measure_seal(aead, rounds);
    merge_ = measure_merge(rounds);
  }
  double cipher() const { return cipher_; }

  /// With so many flows. `several`: as many queues of the interface as workers.
  Scaling out(std::size_t flows) {
    Scaling scaling{.name = fmt::format("out, {} flow{}", flows, flows == 1 ? "" : "s"), .law = {}, .rows = {}};
    measure(scaling, flows, true, measure_out, [&](Pair& pair, const Figures& one) {
      const auto count = static_cast<double>(supers());
      scaling.law = {.all = one.cpu_ns,
                     .anybody = seal_,
                     .in_order = pair.a.wire.sending.take() / count,
                     .read = pair.a.tun.reading.take() / count};
    });
    return scaling;
  }
  Scaling in(std::size_t flows) {
    Scaling scaling{.name = fmt::format("in, {} flow{}", flows, flows == 1 ? "" : "s"), .law = {}, .rows = {}};
    measure(scaling, flows, false, measure_in, [&](Pair& pair, const Figures& one) {
      const auto count = static_cast<double>(supers());
      scaling.law = {.all = one.cpu_ns,
                     .anybody = pair.opened_by.opening.take() / count + merge_,
                     .in_order = pair.b.tun.writing.take() / count,
                     .receive = pair.b.wire.receiving.take() / count};
    });
    return scaling;
  }
  void lone_packets() {
    fmt::print("  a lone packet, read to sent:");
    for (const auto workers : kNumbers) {
      if (!has_processors_for(workers)) break;
      const auto pair = make_pair(1, workers);
      fmt::print("  {} worker{} {:.2f} µs", workers, workers == 1 ? "" : "s",
                 measure_lone(*pair, workers, quick_ ? 500 : 5000));
    }
    fmt::print("\n");
  }

 private:
  static constexpr std::array<std::size_t, 4> kNumbers{1, 2, 4, 8};

  static bool has_processors_for(std::size_t workers) {
    return workers == 1 || workers <= path::usable_processors().count;
  }
  std::unique_ptr<Pair> make_pair(std::size_t flows, std::size_t queues) const {
    return std::make_unique<Pair>(aead_, spender_, costs_, flows, queues);
  }
  std::size_t supers() const { return quick_ ? 400 : 3000; }
  /// `learn`: the costs of the stages, from the best with one worker. The best of three: others use this machine, too.
  template <class Measure, class Learn>
  void measure(Scaling& scaling, std::size_t flows, bool several, const Measure& measure_one,
               const Learn& learn) const {
    for (const auto workers : kNumbers) {
      const auto queues = several ? workers : 1;
      const Means means{.workers = workers, .queues = queues, .busy = std::min(flows, queues)};
      auto& row = scaling.rows.emplace_back(Scaling::Row{.means = means, .measured = {}});
      if (!has_processors_for(workers)) continue;
      const auto pair = make_pair(flows, queues);
      for (int i = 0; i < (quick_ ? 1 : 3); ++i) {
        pair->forget_costs();
        const auto one = measure_one(*pair, workers, supers());
        if (row.measured && one.gbits <= row.measured->gbits) continue;
        row.measured = one;
        if (workers == 1) learn(*pair, one);
      }
    }
  }

  const crypto::Aead& aead_;
  const Spender& spender_;
  const Costs& costs_;
  const bool quick_;
  double cipher_ = 0;
  double seal_ = 0;
  double merge_ = 0;
};

int measure(const Options& options) {
  const Spender spender;
  const auto costs = measure_costs(options.quick ? 200 : 3000);
  if (!costs) return 1;
  const auto aead = crypto::choose_aead("auto", net::boot_now);
  if (!aead) {
    fmt::print("{}\n", aead.error().message);
    return 1;
  }
  Bench bench(**aead, spender, *costs, options);
  fmt::print(
      "system calls, for 64 KB: TUN read {:.1f} µs, UDP send {:.1f} µs, UDP receive {:.1f} µs, TUN write {:.1f} µs\n",
      costs->tun_read / 1e3, costs->udp_send / 1e3, costs->udp_receive / 1e3, costs->tun_write / 1e3);
  fmt::print("{}: {:.1f} µs; {} processors\n", (*aead)->name(), bench.cipher() / 1e3, path::usable_processors().count);

  const std::vector<Scaling> all{bench.out(1), bench.out(16), bench.in(1), bench.in(16)};
  if (options.markdown) {
    fmt::print("\n");
    print_markdown(all);
    fmt::print("\n");
  } else {
    for (const auto& scaling : all) print(scaling);
  }
  bench.lone_packets();
  return 0;
}

}  // namespace
}  // namespace adit::bench

int main(int argc, char** argv) {
  if (sodium_init() < 0) return 1;
  adit::bench::Options options;
  for (int i = 1; i < argc; ++i) {
    options.quick |= std::string_view(argv[i]) == "--quick";
    options.markdown |= std::string_view(argv[i]) == "--markdown";
  }
  return adit::bench::measure(options);
}
