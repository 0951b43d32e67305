// SPDX-License-Identifier: MIT
#include "world.h"

#include <algorithm>

#include "offload/checksum.h"

namespace adit::tunnel::test {
namespace {

constexpr std::size_t kMtu = 1420;

Host make_host(const char* inner, const char* address, std::uint64_t seed) {
  SeededRandom random(seed);
  auto key = crypto::generate_private_key(random);
  const auto public_key = crypto::public_key_of(key);
  return {.inner = inner,
          .address = *Endpoint::parse(address),
          .key = std::move(key),
          .public_key = public_key,
          .random = std::move(random)};
}

}  // namespace

World::World(std::uint64_t seed)
    : random(seed),
      a(make_host("10.9.0.1", "192.0.2.1:1000", 2 * seed)),
      b(make_host("10.9.0.2", "198.51.100.2:2000", 2 * seed + 1)) {}

void World::start(Host& host, bool knows_peer) {
  set_clocks();
  auto made = Tunnel::make({.private_key = host.key.clone(),
                            .peer_key = peer_of(host).public_key,
                            .preshared_key = (&host == &a ? preshared_a : preshared_b).clone(),
                            .keepalive = &host == &a ? keepalive_a : keepalive_b,
                            .allowed_ips = {subnet("10.9.0.0/30")},
                            .mtu = kMtu,
                            .last_timestamp = host.saved_timestamp,
                            .newest_initiation = host.saved_initiation,
                            .only_when_needed = only_when_needed},
                           host.random, host.clock);
  ASSERT_TRUE(made);
  host.tunnel = std::move(*made);
  if (!knows_peer) return;
  host.tunnel->set_endpoint(peer_of(host).address, now, outbox);
  transmit(host);
}

void World::send(Host& host, std::size_t size) {
  send(host, inner_packet(host.inner, peer_of(host).inner, next_id_++, size));
}

void World::send(Host& host, Buffer packet) {
  expect(host, packet);
  const auto size = packet.size();
  packet.resize(size + kPaddingSlack, 0xEE);
  const PlainPacket view{MutableBytes(packet).first(size)};
  set_clocks();
  host.tunnel->admit({&view, 1}, now, outbox);
  transmit(host);
}

void World::transmit(Host& host) {
  if (outbox.timestamp) host.saved_timestamp = *outbox.timestamp;
  for (const auto& handshake : outbox.handshakes) launch(host, handshake.path, handshake.bytes());
  std::vector<Buffer> sealed;
  std::vector<MutableBytes> views;
  for (const auto& packet : outbox.packets) {
    for (std::size_t i = 0; i < packet.plain.segments(); ++i) sealed.emplace_back(packet.sealed_size(i));
  }
  for (auto& bytes : sealed) views.emplace_back(bytes);
  seal(outbox.packets, *aead, views);
  for (const auto& packet : outbox.packets) {
    for (std::size_t i = 0; i < packet.plain.segments(); ++i) {
      const auto counter = packet.counter + i;
      EXPECT_TRUE(host.nonces.emplace(packet.keypair->remote_index, counter).second) << "a nonce was used twice";
      EXPECT_LT(counter, noise::REJECT_AFTER_MESSAGES);
    }
  }
  for (const auto& bytes : sealed) launch(host, outbox.path, bytes);
  for (const auto& probe : outbox.probes) {
    Buffer bytes(probe.sealed_size(0));
    const MutableBytes view(bytes);
    seal({&probe, 1}, *aead, {&view, 1});
    EXPECT_TRUE(host.nonces.emplace(probe.keypair->remote_index, probe.counter).second) << "a nonce was used twice";
    launch(host, outbox.path, bytes, true);
  }
  std::ranges::move(outbox.events, std::back_inserter(host.events));
  outbox.clear();
}

void World::launch(Host& host, const Path& path, Bytes bytes, bool whole) {
  host.datagrams_sent += 1;
  const auto own = std::ranges::find(host.more, path.local, &Endpoint::address);
  const Path seen{.remote = own == host.more.end() ? host.address : *own, .local = path.remote.address};
  Flight flight{now, order_++, &host, seen, path.remote, Buffer(bytes.begin(), bytes.end())};
  if (overheard.size() < max_overheard) overheard.push_back(flight);
  if ((swallows && swallows(flight)) || random.chance(network.loss)) return;
  if (bytes.size() > network.widest && (whole || network.drops_fragments)) return;
  for (int copies = random.chance(network.duplicate) ? 2 : 1; copies > 0; --copies) {
    auto copy = flight;
    copy.arrives = now + network.delay;
    if (network.jitter > 0ms)
      copy.arrives += Duration(random.below(static_cast<std::uint64_t>(network.jitter.count())));
    copy.order = order_++;
    if (random.chance(network.corrupt)) {
      copy.bytes[random.below(copy.bytes.size())] ^= static_cast<std::uint8_t>(1 + random.below(255));
    }
    in_flight_.push(std::move(copy));
  }
}

void World::arrive(Flight flight) {
  Host& host = peer_of(*flight.from);
  const bool there = flight.to == host.address || std::ranges::find(host.more, flight.to) != host.more.end();
  if (host.tunnel && there) inject(host, flight.path.remote, std::move(flight.bytes), flight.to.address);
}

void World::inject(Host& host, Endpoint source, Buffer bytes, IpAddress local) {
  set_clocks();
  if (local.is_none()) local = host.address.address;
  const Datagram datagram{{.remote = source, .local = local}, bytes};
  InboundBatch batch;
  host.tunnel->classify({&datagram, 1}, now, batch, outbox);
  open(batch.packets, *aead);
  std::vector<MutableBytes> delivered;
  host.tunnel->accept(batch, now, delivered, outbox);
  for (const auto packet : delivered) {
    if (echo(host, packet)) continue;
    const auto id = load_be64(packet.data() + 20);
    const auto& [sender, original] = sent_[id];
    EXPECT_EQ(sender, &peer_of(host)) << "delivered what the peer never sent";
    EXPECT_TRUE(std::ranges::equal(packet, original)) << "delivered other bytes than were sent";
    EXPECT_TRUE(delivered_ids_.insert(id).second) << "delivered twice";
    host.delivered.emplace_back(packet.begin(), packet.end());
  }
  for (auto& reply : echoes_) {
    const PlainPacket view{MutableBytes(reply).first(reply.size() - kPaddingSlack)};
    host.tunnel->admit({&view, 1}, now, outbox);
  }
  transmit(host);
  echoes_.clear();
}

Buffer echo_reply(Bytes request) {
  const std::size_t header = request[0] >> 4 == 4 ? 20 : 40;
  const bool v4 = header == 20;
  Buffer reply(request.begin(), request.end());
  const std::ptrdiff_t at = v4 ? 12 : 8;
  const std::ptrdiff_t size = v4 ? 4 : 16;
  std::ranges::swap_ranges(reply.begin() + at, reply.begin() + at + size, reply.begin() + at + size,
                           reply.begin() + at + 2 * size);
  reply[header] = v4 ? 0 : 129;
  store_be16(&reply[header + 2], 0);
  const auto message = Bytes(reply).subspan(header);
  const auto pseudo =
      v4 ? 0 : offload::pseudo_header_sum(Bytes(reply).subspan(8, 32), 58, static_cast<std::uint32_t>(message.size()));
  store_be16(&reply[header + 2], offload::checksum_finish(offload::checksum_add(message, pseudo)));
  return reply;
}

/// As the kernel behind the TUN does; true: it was an echo request.
bool World::echo(Host& host, Bytes packet) {
  const std::size_t header = packet[0] >> 4 == 4 ? 20 : 40;
  const bool v4 = header == 20;
  if (packet.size() < header + 8 || packet[v4 ? 9 : 6] != (v4 ? 1 : 58) || packet[header] != (v4 ? 8 : 128))
    return false;
  if (!host.echoes) return true;
  auto reply = echo_reply(packet);
  host.echoed += 1;
  reply.resize(reply.size() + kPaddingSlack);
  echoes_.push_back(std::move(reply));
  return true;
}

void World::run(Duration time) {
  const auto end = now + time;
  for (;;) {
    auto next = in_flight_.empty() ? kNever : in_flight_.top().arrives;
    for (auto* host : {&a, &b}) {
      if (host->tunnel) next = std::min(next, host->tunnel->deadline());
    }
    if (next > end) break;
    now = std::max(now, next);
    set_clocks();
    if (!in_flight_.empty() && in_flight_.top().arrives <= now) {
      auto flight = in_flight_.top();
      in_flight_.pop();
      arrive(std::move(flight));
      continue;
    }
    for (auto* host : {&a, &b}) {
      if (!host->tunnel || host->tunnel->deadline() > now) continue;
      host->tunnel->tick(now, outbox);
      EXPECT_GT(host->tunnel->deadline(), now) << "a deadline that stays due would spin the loop";
      transmit(*host);
    }
  }
  now = end;
}

bool World::passes(Host& from, Duration limit) {
  auto& to = peer_of(from);
  const auto before = to.delivered.size();
  for (const auto end = now + limit; now < end && to.delivered.size() == before;) {
    send(from);
    run(1s);
  }
  return to.delivered.size() > before;
}

void World::connect() {
  start(b, false);
  start(a);
  ASSERT_TRUE(run_until([this] { return both_up(); }, 1s));
  run(100ms);
}

void World::set_clocks() {
  for (auto* host : {&a, &b}) {
    host->clock.time = std::chrono::hours(24 * 365 * 50) + now.time_since_epoch() + host->clock_offset;
  }
}

}  // namespace adit::tunnel::test
