// SPDX-License-Identifier: MIT
// What anybody on the Internet can send to a tunnel with live sessions, between the packets and the time that pass
// there. None of it may be delivered, be answered by more than it was, or keep the peer's own packets out.
#include "fuzz.h"
#include "live_tunnel.h"
#include "noise/cookie.h"

namespace adit::fuzz {
namespace {

enum class Step : std::uint8_t { datagram, called, with_mac, time, packet, count };

constexpr std::size_t kCurrent = 1;
constexpr std::uint64_t kUnused = 1'000'000;

Endpoint source_of(std::uint8_t choice) {
  const auto& pair = LivePair::get();
  if (choice % 3 == 0) return pair.there;
  return *Endpoint::parse(choice % 3 == 1 ? "203.0.113.9:4242" : "[2001:db8::9]:4242");
}

/// As from somebody who knows our public key, which is no secret.
void put_mac(MutableBytes message, Instant now) {
  noise::MacWriter(LivePair::get().our_key()).write(message, now);
}

void receive(LiveTunnel& tunnel, Buffer datagram, const Endpoint& source) {
  const auto size = datagram.size();
  const auto turn = tunnel.receive(std::move(datagram), source);
  require(turn.delivered.empty() && turn.sealed.empty(), "nothing comes of what the peer did not send");
  for (const auto& answer : turn.handshakes) require(answer.size() < size, "an answer is shorter than its question");
}

}  // namespace

void run(Bytes bytes) {
  Input input(bytes);
  LiveTunnel tunnel;
  for (int steps = 0; !input.empty() && steps < 24; ++steps) {
    const auto choice = input.u8();
    switch (static_cast<Step>(choice % static_cast<std::uint8_t>(Step::count))) {
      case Step::datagram:
        receive(tunnel, copy_of(input.bytes(input.u16() % 2048)), source_of(choice / 5));
        break;
      case Step::called: {  // by a session's right name
        auto datagram = copy_of(input.bytes(input.u16() % 2048));
        if (datagram.size() < wire::kTransportHeaderSize) break;
        const auto session = datagram[0] % 3;
        const auto counter = load_le64(datagram.data() + 8);
        wire::write_transport_header({LivePair::get().ours().sessions.at(session).local_index, counter},
                                     MutableBytes(datagram).first<wire::kTransportHeaderSize>());
        receive(tunnel, std::move(datagram), source_of(choice / 5));
        break;
      }
      case Step::with_mac: {
        const bool initiation = input.u8() % 2 == 0;
        Buffer message(initiation ? sizeof(wire::HandshakeInitiation) : sizeof(wire::HandshakeResponse));
        std::ranges::copy(input.bytes(message.size()), message.begin());
        message[0] = initiation ? 1 : 2;
        message[1] = message[2] = message[3] = 0;
        put_mac(message, tunnel.now());
        receive(tunnel, std::move(message), source_of(choice / 5));
        break;
      }
      case Step::time:
        tunnel.pass(std::chrono::milliseconds(std::uint64_t{1} << (input.u8() % 18)));
        break;
      default:
        tunnel.admit(input.bytes(input.u16() % 2048));
        break;
    }
  }
  if (!LivePair::get().session_lives(tunnel.now())) return;
  Buffer packet(40);
  packet[0] = 0x45;
  packet[3] = 40;
  const auto turn = tunnel.receive(LivePair::get().sealed(kCurrent, kUnused, packet), LivePair::get().there);
  require(turn.delivered.size() == 1, "the peer's own packet comes through all the same");
}

}  // namespace adit::fuzz
