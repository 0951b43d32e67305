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
#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/random.h"
#include "crypto/backends.h"
#include "net/system.h"
#include "net/tun_device.h"
#include "net/udp_pair.h"
#include "packets.h"
#include "path/data_path.h"
#include "path/processors.h"
#include "scale_costs.h"
#include "support.h"

namespace adit::bench {
namespace {

using Clock = std::chrono::steady_clock;
using offload::VirtioHeader;

// Ports
// ----------------------------------------------------------------------------------------------------------------

/// Written by one thread while another reads those before: their place must not move.
class Stamps {
 public:
  explicit Stamps(std::size_t most) : times_(most) {}
  void add() { times_[next_++] = Clock::now(); }
  Clock::time_point operator[](std::size_t i) const { return times_[i]; }

 private:
  std::vector<Clock::time_point> times_;
  std::size_t next_ = 0;
};

/// A host that always has more to send, from so many flows; and that takes what comes.
class BusyTun final : public path::PacketPort {
 public:
  BusyTun(const Spender& spender, const Costs& costs, std::size_t flows) : spender_(spender), costs_(costs) {
    for (std::size_t flow = 0; flow < flows; ++flow) {
      offload::test::Recipe recipe{
          .tcp_options = 12, .v4_addresses = {10, 9, 0, 1, 10, 9, 0, 2}, .payload = Buffer(kPayload)};
      auto packet = offload::test::with_partial_checksum(offload::test::build(recipe));
      store_be16(packet.data() + 20, static_cast<std::uint16_t>(10'000 + flow));
      packets_.push_back(std::move(packet));
    }
  }
  net::IoResult read(MutableBytes arena, std::vector<net::TunPacket>& packets) override {
    net::IoResult result;
    while (left > 0 && arena.size() >= net::kLargestPacket + net::kReadSlack) {
      const auto whole = Bytes(packets_[next_++ % packets_.size()]);
      const auto packet = lone ? whole.first(84) : whole;
      spender_.spend(costs_.tun_read * static_cast<double>(packet.size()) / static_cast<double>(whole.size()),
                     [&] { std::ranges::copy(packet, arena.begin()); });
      if (lone) store_be16(arena.data() + 2, 84);
      packets.push_back({lone ? VirtioHeader{} : kVirtio, arena.first(packet.size())});
      arena = arena.subspan((packet.size() + net::kReadSlack + 63) / 64 * 64);
      if (stamps != nullptr) stamps->add();
      --left;
      ++result.count;
    }
    return result;
  }
  net::IoResult write(std::span<const offload::Delivery> deliveries, const Refused&) override {
    for (const auto& delivery : deliveries) {
      spender_.spend(costs_.tun_write * static_cast<double>(delivery.packets) / kSegments);
      written += delivery.packets;
    }
    return {.count = deliveries.size()};
  }
  std::uint64_t take_truncated() override { return 0; }

  std::size_t left = 0;  ///< super-packets to be sent
  bool lone = false;     ///< small packets instead
  std::atomic<std::size_t> written = 0;
  Stamps* stamps = nullptr;  ///< when each was read

  static constexpr VirtioHeader kVirtio{.flags = VirtioHeader::kNeedsChecksum,
                                        .gso_type = static_cast<std::uint8_t>(offload::GsoType::tcp4),
                                        .header_size = 52,
                                        .segment_size = kSegment,
                                        .checksum_start = 20,
                                        .checksum_offset = 16};

 private:
  const Spender& spender_;
  const Costs& costs_;
  std::vector<Buffer> packets_;
  std::size_t next_ = 0;
};

/// Datagrams, one behind the other.
struct Heap {
  void add(Bytes datagram) {
    bytes.insert(bytes.end(), datagram.begin(), datagram.end());
    ends.push_back(bytes.size());
  }
  Buffer bytes;
  std::vector<std::size_t> ends;
};

class Wire final : public path::DatagramPort {
 public:
  Wire(const Spender& spender, const Costs& costs) : spender_(spender), costs_(costs) {}
  net::IoResult receive(std::span<const MutableBytes> buffers, std::vector<Datagram>& datagrams) override {
    net::IoResult result;
    for (const auto buffer : buffers) {
      std::size_t count = 0;
      const auto cost =
          costs_.udp_receive * static_cast<double>(std::min(kSegments, inbox_.ends.size() - next_)) / kSegments;
      if (next_ == inbox_.ends.size()) break;
      spender_.spend(cost, [&] { count = fill(buffer, datagrams); });
      result.count += count;
    }
    return result;
  }
  net::SendResult send(const Path&, std::span<const OutboundDatagram> datagrams) override {
    spender_.spend(costs_.udp_send * static_cast<double>(datagrams.size()) / kSegments);
    for (const auto& datagram : datagrams) {
      if (keeps) kept.add(datagram.bytes);
      if (stamps != nullptr && (sent + 1) % per_stamp == 0) {
        const std::chrono::duration<double, std::micro> late = Clock::now() - (*stamps)[latencies.size()];
        latencies.push_back(late.count());
      }
      ++sent;
    }
    return {.sent = datagrams.size()};
  }
  int send_whole(const Path& path, const OutboundDatagram& datagram) override {
    return send(path, {&datagram, 1}).sent == 1 ? 0 : EAGAIN;
  }
  net::LostDatagrams take_lost() override { return {}; }
  void deliver(Heap heap) {
    inbox_ = std::move(heap);
    next_ = 0;
  }
  bool is_empty() const { return next_ == inbox_.ends.size(); }
  /// As many as the kernel hands over in one piece.
  std::size_t fill(MutableBytes buffer, std::vector<Datagram>& datagrams) {
    std::size_t used = 0;
    std::size_t count = 0;
    for (; count < kSegments && next_ < inbox_.ends.size(); ++count, ++next_) {
      const auto begin = next_ == 0 ? 0 : inbox_.ends[next_ - 1];
      const auto datagram = Bytes(inbox_.bytes).subspan(begin, inbox_.ends[next_] - begin);
      if (used + datagram.size() > buffer.size()) break;
      std::ranges::copy(datagram, buffer.begin() + static_cast<std::ptrdiff_t>(used));
      datagrams.push_back({{.remote = peer}, buffer.subspan(used, datagram.size())});
      used += datagram.size();
    }
    return count;
  }

  Endpoint peer = Endpoint::parse("192.0.2.1:51820").value();
  bool keeps = true;
  Heap kept;  ///< what was sent
  std::atomic<std::size_t> sent = 0;
  const Stamps* stamps = nullptr;
  std::size_t per_stamp = kSegments;
  std::vector<double> latencies;  ///< µs, from the read of a packet to the sending of its last segment

 private:
  const Spender& spender_;
  const Costs& costs_;
  Heap inbox_;
  std::size_t next_ = 0;
};

// Two hosts
// ------------------------------------------------------------------------------------------------------------

struct Host {
  Host(std::uint64_t seed, const Spender& spender, const Costs& costs, std::size_t flows)
      : random(seed), tun(spender, costs, flows), wire(spender, costs) {}
  test::SeededRandom random;
  test::SettableWallClock wall_clock;
  std::unique_ptr<tunnel::Tunnel> tunnel;
  BusyTun tun;
  Wire wire;
  std::optional<path::DataPath> path;
};

class Pair {
 public:
  Pair(const crypto::Aead& aead, const Spender& spender, const Costs& costs, std::size_t flows)
      : a(1, spender, costs, flows), b(2, spender, costs, flows) {
    auto key_a = crypto::generate_private_key(a.random);
    auto key_b = crypto::generate_private_key(b.random);
    const auto public_a = crypto::public_key_of(key_a);
    start(a, std::move(key_a), crypto::public_key_of(key_b), aead);
    start(b, std::move(key_b), public_a, aead);
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
      if (host.tun.left > 0 && path.takes_packets()) count += path.send(now).count;
      path.lend_a_hand(now);
      if (count > 0 || path.bell() < 0) continue;
      path.expect_news();
      pollfd bell{.fd = path.bell(), .events = POLLIN, .revents = 0};
      if (!done()) poll(&bell, 1, 100);
      path.heard();
    }
    path.finish(now);
  }

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

double gbits(std::size_t supers, double seconds) {
  return static_cast<double>(supers * (kPayload + kSegments * 52) * 8) / seconds / 1e9;
}

double percentile(std::vector<double>& samples, double share) {
  if (samples.empty()) return 0;
  std::ranges::sort(samples);
  return samples[static_cast<std::size_t>(share * static_cast<double>(samples.size() - 1))];
}

struct Figures {
  double gbits = 0;
  double median_us = 0;
  double late_us = 0;  ///< 99th percentile
  double cpu_ns = 0;   ///< of all threads, for a super-packet
};

Figures measure_out(Pair& pair, std::size_t workers, std::size_t supers) {
  auto& host = pair.a;
  host.path->set_workers(workers, pair.now);
  Stamps stamps(supers);
  host.tun.stamps = &stamps;
  host.wire.stamps = &stamps;
  host.wire.latencies.clear();
  host.wire.keeps = false;
  host.wire.sent = 0;
  host.tun.left = supers;
  const auto used = cpu_ns(CLOCK_PROCESS_CPUTIME_ID);
  const auto begin = Clock::now();
  pair.work(host, [&] { return host.wire.sent >= supers * kSegments; });
  const std::chrono::duration<double> took = Clock::now() - begin;
  const auto each = (cpu_ns(CLOCK_PROCESS_CPUTIME_ID) - used) / static_cast<double>(supers);
  host.tun.stamps = nullptr;
  host.wire.stamps = nullptr;
  host.wire.keeps = true;
  return {gbits(supers, took.count()), percentile(host.wire.latencies, 0.5), percentile(host.wire.latencies, 0.99),
          each};
}

Figures measure_in(Pair& pair, std::size_t workers, std::size_t supers) {
  pair.a.path->set_workers(1, pair.now);
  pair.a.tun.left = supers;
  pair.a.wire.sent = 0;
  pair.work(pair.a, [&] { return pair.a.wire.sent >= supers * kSegments; });
  auto& host = pair.b;
  host.path->set_workers(workers, pair.now);
  host.wire.deliver(std::exchange(pair.a.wire.kept, {}));
  host.tun.written = 0;
  const auto used = cpu_ns(CLOCK_PROCESS_CPUTIME_ID);
  const auto begin = Clock::now();
  pair.work(host, [&] { return host.tun.written >= supers * kSegments; });
  const std::chrono::duration<double> took = Clock::now() - begin;
  const auto each = (cpu_ns(CLOCK_PROCESS_CPUTIME_ID) - used) / static_cast<double>(supers);
  return {.gbits = gbits(supers, took.count()), .cpu_ns = each};
}

/// One small packet at a time: from its read until it is sent.
double measure_lone(Pair& pair, std::size_t workers, int packets) {
  auto& host = pair.a;
  host.path->set_workers(workers, pair.now);
  Stamps stamps(static_cast<std::size_t>(packets));
  host.tun.stamps = &stamps;
  host.wire.stamps = &stamps;
  host.wire.latencies.clear();
  host.wire.per_stamp = 1;
  host.wire.keeps = false;
  host.wire.sent = 0;
  host.tun.lone = true;
  for (int i = 0; i < packets; ++i) {
    host.tun.left = 1;
    pair.work(host, [&] { return host.wire.sent > static_cast<std::size_t>(i); });
  }
  host.tun.lone = false;
  host.tun.stamps = nullptr;
  host.wire.stamps = nullptr;
  host.wire.per_stamp = kSegments;
  host.wire.keeps = true;
  return percentile(host.wire.latencies, 0.5);
}

/// What any thread may do to a super-packet on its way out: cut it, checksums and all, and seal the pieces.
double measure_seal(const crypto::Aead& aead, int rounds) {
  offload::test::Recipe recipe{
      .tcp_options = 12, .v4_addresses = {10, 9, 0, 1, 10, 9, 0, 2}, .payload = Buffer(kPayload)};
  const auto packet = offload::test::with_partial_checksum(offload::test::build(recipe));
  const auto plan = offload::SplitPlan::make(BusyTun::kVirtio, packet);
  const noise::Keypair keypair;
  Buffer bytes(packet.size() + tunnel::kPaddingSlack);
  tunnel::OutboundPacket outbound{
      .keypair = &keypair, .plain = {MutableBytes(bytes).first(packet.size()), &*plan}, .mtu = 1420};
  Buffer sealed(kSegments * outbound.sealed_size(0));
  std::vector<MutableBytes> out;
  for (std::size_t i = 0; i < plan->segments(); ++i) {
    out.push_back(MutableBytes(sealed).subspan(i * outbound.sealed_size(0), outbound.sealed_size(i)));
  }
  std::vector<double> samples;
  for (int i = 0; i < rounds; ++i) {
    std::ranges::copy(packet, bytes.begin());
    const auto before = thread_ns();
    tunnel::seal({&outbound, 1}, aead, out);
    samples.push_back(thread_ns() - before);
  }
  return median(samples);
}

/// And on its way in, once it is opened: checksums, and putting it together.
double measure_merge(int rounds) {
  offload::test::Recipe recipe{
      .tcp_options = 12, .v4_addresses = {10, 9, 0, 1, 10, 9, 0, 2}, .payload = Buffer(kPayload)};
  auto packet = offload::test::with_partial_checksum(offload::test::build(recipe));
  const auto plan = offload::SplitPlan::make(BusyTun::kVirtio, packet);
  std::vector<Buffer> segments;
  for (std::size_t i = 0; i < plan->segments(); ++i) {
    const auto segment = plan->write_header(packet, i);
    segments.emplace_back(segment.begin(), segment.end());
  }
  offload::Merger merger({});
  std::vector<double> samples;
  for (int i = 0; i < rounds; ++i) {
    auto copies = segments;  // merging changes the first one
    const std::vector<MutableBytes> views(copies.begin(), copies.end());
    const auto before = thread_ns();
    merger.merge(views);
    samples.push_back(thread_ns() - before);
  }
  return median(samples);
}

/// Of the cipher alone; opening is as expensive as sealing.
double measure_cipher(const crypto::Aead& aead, int rounds) {
  Buffer plain(kSegments * 1424);
  Buffer sealed(kSegments * (1424 + crypto::kTagSize));
  const crypto::DerivedKey key{};
  std::vector<double> samples;
  for (int i = 0; i < rounds; ++i) {
    const auto before = thread_ns();
    for (std::size_t segment = 0; segment < kSegments; ++segment) {
      const crypto::SealJob job{&key, segment, Bytes(plain).subspan(segment * 1424, 1424),
                                MutableBytes(sealed).subspan(segment * 1440, 1440)};
      aead.seal({&job, 1});
    }
    samples.push_back(thread_ns() - before);
  }
  return median(samples);
}

/// Throughput over workers: as much as they do together, but never more than what one thread at a time lets through.
struct Law {
  double all = 0;       ///< ns of a super-packet with one worker
  double anybody = 0;   ///< of these, what any thread may do at any time
  double in_order = 0;  ///< what any thread may do, one at a time
  double owner() const { return all - anybody - in_order; }
  double predicted(std::size_t workers) const {
    const auto bound = std::max(owner(), in_order);
    return gbits(1, std::max(all / static_cast<double>(workers), bound) / 1e9);
  }
  const char* bottleneck(std::size_t workers) const {
    if (all / static_cast<double>(workers) > std::max(owner(), in_order)) return "all stages: more workers help";
    return in_order >= owner() ? "the stage in order" : "the thread that has the tunnel";
  }
};

void print_direction(const char* name, const Law& law, const std::array<std::size_t, 4>& numbers,
                     const std::vector<Figures>& measured) {
  fmt::print("  {}: owner {:.1f} µs, anybody {:.1f} µs, in order {:.1f} µs a super-packet of 46\n", name,
             law.owner() / 1e3, law.anybody / 1e3, law.in_order / 1e3);
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const auto predicted = law.predicted(numbers[i]);
    if (i < measured.size()) {
      fmt::print("    {} worker{}  {:6.2f} Gbit/s  {:4.2f} times  (predicted {:.2f})", numbers[i],
                 numbers[i] == 1 ? " " : "s", measured[i].gbits, measured[i].gbits / measured[0].gbits, predicted);
      fmt::print("  processor {:.1f} µs", measured[i].cpu_ns / 1e3);
      if (measured[i].median_us > 0) {
        fmt::print("  read to sent {:.0f} µs, 99 % {:.0f} µs", measured[i].median_us, measured[i].late_us);
      }
    } else {
      fmt::print("    {} workers  not measured: too few processors  predicted {:.2f} Gbit/s", numbers[i], predicted);
    }
    fmt::print("  [{}]\n", law.bottleneck(numbers[i]));
  }
}

int measure(bool quick) {
  const Spender spender;
  auto costs = measure_costs(quick ? 200 : 3000);
  if (!costs) return 1;
  fmt::print(
      "system calls, for 64 KB: TUN read {:.1f} µs, UDP send {:.1f} µs, UDP receive {:.1f} µs, TUN write {:.1f} µs\n",
      costs->tun_read / 1e3, costs->udp_send / 1e3, costs->udp_receive / 1e3, costs->tun_write / 1e3);
  const auto aead = crypto::choose_aead("auto", net::boot_now);
  if (!aead) {
    fmt::print("{}\n", aead.error().message);
    return 1;
  }
  const int rounds = quick ? 200 : 2000;
  const auto cipher = measure_cipher(**aead, rounds);
  const auto seal = measure_seal(**aead, rounds);
  const auto merge = measure_merge(rounds);
  const auto processors = path::usable_processors();
  fmt::print("{}: {:.1f} µs; {} processors\n", (*aead)->name(), cipher / 1e3, processors);

  constexpr std::array<std::size_t, 4> numbers{1, 2, 4, 8};
  const std::size_t supers = quick ? 400 : 3000;
  for (const std::size_t flows : {1U, 16U}) {
    fmt::print("{} flow{}\n", flows, flows == 1 ? "" : "s");
    Pair pair(**aead, spender, *costs, flows);
    std::vector<Figures> out;
    std::vector<Figures> in;
    for (const auto workers : numbers) {
      if (workers > processors && workers > 1) break;
      // The best of three: others use this machine, too.
      Figures best_out;
      Figures best_in;
      for (int i = 0; i < (quick ? 1 : 3); ++i) {
        const auto one_out = measure_out(pair, workers, supers);
        if (one_out.gbits > best_out.gbits) best_out = one_out;
        const auto one_in = measure_in(pair, workers, supers);
        if (one_in.gbits > best_in.gbits) best_in = one_in;
      }
      out.push_back(best_out);
      in.push_back(best_in);
    }
    print_direction("out", {.all = out[0].cpu_ns, .anybody = seal, .in_order = costs->udp_send}, numbers, out);
    print_direction("in", {.all = in[0].cpu_ns, .anybody = cipher + merge, .in_order = costs->tun_write}, numbers, in);
    fmt::print("  a lone packet, read to sent:");
    for (std::size_t i = 0; i < out.size(); ++i) {
      fmt::print("  {} worker{} {:.2f} µs", numbers[i], numbers[i] == 1 ? "" : "s",
                 measure_lone(pair, numbers[i], quick ? 500 : 5000));
    }
    fmt::print("\n");
  }
  return 0;
}

}  // namespace
}  // namespace adit::bench

int main(int argc, char** argv) {
  if (sodium_init() < 0) return 1;
  return adit::bench::measure(argc > 1 && std::string_view(argv[1]) == "--quick");
}
