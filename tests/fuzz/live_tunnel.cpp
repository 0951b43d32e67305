// SPDX-License-Identifier: MIT
#include "live_tunnel.h"

#include "fuzz.h"

namespace adit::fuzz {
namespace {

using std::chrono_literals::operator""s;
using std::chrono_literals::operator""h;

constexpr std::uint32_t kMtu = 1420;

std::vector<Buffer> seal_all(const tunnel::Outbox& out, const crypto::Aead& aead) {
  std::vector<Buffer> sealed;
  std::vector<MutableBytes> views;
  for (const auto& packet : out.packets) {
    for (std::size_t i = 0; i < packet.plain.segments(); ++i) sealed.emplace_back(packet.sealed_size(i));
  }
  for (auto& bytes : sealed) views.emplace_back(bytes);
  tunnel::seal(out.packets, aead, views);
  return sealed;
}

/// One of the two during the handshakes.
struct End {
  Endpoint address;
  std::unique_ptr<tunnel::Tunnel> machine;
  End* other = nullptr;
};

/// What `from` wants sent, and all that comes of it, until both are silent.
void settle(End& from, tunnel::Outbox& out, const crypto::Aead& aead, Instant now) {
  std::vector<Buffer> flying;
  for (const auto& handshake : out.handshakes) flying.push_back(copy_of(handshake.bytes()));
  for (auto& each : seal_all(out, aead)) flying.push_back(std::move(each));
  out.clear();
  for (auto& bytes : flying) {
    const Datagram datagram{{.remote = from.address, .local = from.other->address.address}, bytes};
    tunnel::InboundBatch batch;
    std::vector<MutableBytes> delivered;
    from.other->machine->classify({&datagram, 1}, now, batch, out);
    tunnel::open(batch.packets, aead);
    from.other->machine->accept(batch, now, delivered, out);
    settle(*from.other, out, aead, now);
  }
}

}  // namespace

const LivePair& LivePair::get() {
  static const LivePair pair;
  return pair;
}

LivePair::LivePair() {
  test::SeededRandom random(3);
  test::SettableWallClock clock;
  End a{here, make(key_, peer_key_, random, clock), nullptr};
  End b{there, make(peer_private_, our_key_, random, clock), &a};
  a.other = &b;
  const auto pass = [&](Duration time) {
    now += time;
    clock.time += time;
  };
  Buffer packet(40 + tunnel::kPaddingSlack);
  packet[0] = 0x45;
  packet[3] = 40;
  const tunnel::PlainPacket data{MutableBytes(packet).first(40)};
  tunnel::Outbox out;
  a.machine->set_endpoint(there, now, out);
  settle(a, out, *aead_, now);
  // Worth another session, which makes the first the previous one.
  pass(tunnel::REKEY_AFTER_TIME + tunnel::kRenewalJitter * tunnel::kMaxJitter);
  a.machine->admit({&data, 1}, now, out);
  settle(a, out, *aead_, now);
  // One that the peer began, and is not heard of again: `b` has lost what it had.
  pass(10s);
  const auto counters = [](const tunnel::Tunnel& machine) { return machine.status().handshake_at; };
  require(counters(*a.machine) == counters(*b.machine), "both have the second session");
  End again{there, make(peer_private_, our_key_, random, clock), &a};
  again.machine->set_endpoint(here, now, out);
  auto initiation = copy_of(out.handshakes.at(0).bytes());
  out.clear();
  const Datagram datagram{{.remote = there, .local = here.address}, initiation};
  tunnel::InboundBatch batch;
  a.machine->classify({&datagram, 1}, now, batch, out);
  require(!out.handshakes.empty(), "the peer's initiation is answered");
  a.machine->hand_over(ours_.saved);
  for (std::size_t i = 0; i < ours_.saved.sessions.size(); ++i) {
    require(ours_.saved.sessions[i].present, "all three sessions are there");
    peers_keys_[i] = crypto::DerivedKey(ours_.saved.sessions[i].receive_key);
  }
}

std::unique_ptr<tunnel::Tunnel> LivePair::make(const crypto::PrivateKey& key, const crypto::PublicKey& peer,
                                               RandomSource& random, WallClock& clock) const {
  auto made = tunnel::Tunnel::make({.private_key = key.clone(),
                                    .peer_key = peer,
                                    .preshared_key = {},
                                    .keepalive = 25s,
                                    .allowed_ips = {*IpNetwork::parse("0.0.0.0/0"), *IpNetwork::parse("::/0")},
                                    .mtu = kMtu},
                                   random, clock);
  require(made.has_value(), "a tunnel can be made");
  return std::move(*made);
}

std::unique_ptr<tunnel::Tunnel> LivePair::make_ours(RandomSource& random, WallClock& clock) const {
  return make(key_, peer_key_, random, clock);
}

std::unique_ptr<tunnel::Tunnel> LivePair::revive(RandomSource& random, WallClock& clock) const {
  auto machine = make_ours(random, clock);
  require(machine->take_over(ours_.saved, now), "the sessions are for this tunnel");
  return machine;
}

bool LivePair::session_lives(Instant at) const {
  return at - ours_.saved.sessions[1].created < tunnel::REJECT_AFTER_TIME;
}

Buffer LivePair::sealed(std::size_t session, std::uint64_t counter, Bytes plaintext) const {
  Buffer datagram(plaintext.size() + wire::kTransportOverhead);
  const MutableBytes out(datagram);
  wire::write_transport_header({ours_.saved.sessions.at(session).local_index, counter},
                               out.first<wire::kTransportHeaderSize>());
  const crypto::SealJob job{&peers_keys_.at(session), counter, plaintext, out.subspan(wire::kTransportHeaderSize)};
  aead_->seal({&job, 1});
  return datagram;
}

void LiveTunnel::QuickRandom::fill(MutableBytes out) {
  while (!out.empty()) {
    state_ += 0x9e37'79b9'7f4a'7c15;
    auto mixed = (state_ ^ (state_ >> 30)) * 0xbf58'476d'1ce4'e5b9;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d0'49bb'1331'11eb;
    mixed ^= mixed >> 31;
    const auto size = std::min(out.size(), sizeof mixed);
    std::memcpy(out.data(), &mixed, size);
    out = out.subspan(size);
  }
}

LiveTunnel::LiveTunnel() : now_(LivePair::get().now) {
  clock_.time += now_.time_since_epoch();
  machine_ = LivePair::get().revive(random_, clock_);
}

LiveTunnel::Turn LiveTunnel::receive(Buffer datagram, const Endpoint& source, std::uint8_t traffic_class) {
  Turn turn;
  const Datagram view{{.remote = source, .local = LivePair::get().here.address}, datagram, traffic_class};
  batch_.clear();
  delivered_.clear();
  machine_->classify({&view, 1}, now_, batch_, outbox_);
  tunnel::open(batch_.packets, LivePair::get().aead());
  machine_->accept(batch_, now_, delivered_, outbox_);
  for (const auto packet : delivered_) {
    require(packet.data() >= datagram.data() && packet.data() + packet.size() <= datagram.data() + datagram.size(),
            "what is delivered lies in the datagram");
    turn.delivered.push_back(copy_of(packet));
  }
  take(turn);
  return turn;
}

LiveTunnel::Turn LiveTunnel::admit(Bytes packet, const offload::SplitPlan* plan) {
  Turn turn;
  auto bytes = copy_of(packet);
  bytes.resize(packet.size() + tunnel::kPaddingSlack);
  const tunnel::PlainPacket view{MutableBytes(bytes).first(packet.size()), plan};
  machine_->admit({&view, 1}, now_, outbox_);
  take(turn);
  return turn;
}

LiveTunnel::Turn LiveTunnel::pass(Duration time) {
  Turn turn;
  now_ += time;
  clock_.time += time;
  if (machine_->deadline() <= now_) machine_->tick(now_, outbox_);
  require(machine_->deadline() > now_, "a deadline that has been served is over");
  take(turn);
  return turn;
}

void LiveTunnel::take(Turn& turn) {
  for (const auto& handshake : outbox_.handshakes) turn.handshakes.push_back(copy_of(handshake.bytes()));
  turn.sealed = seal_all(outbox_, LivePair::get().aead());
  outbox_.clear();
}

}  // namespace adit::fuzz
