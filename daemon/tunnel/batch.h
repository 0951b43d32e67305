// SPDX-License-Identifier: MIT
// The units of work that cross the core's border, and the two pure steps in the middle of a packet's way: `seal` and
// `open` need no lock and no state but the batch and the AEAD they are given.
//
//   outbound: Tunnel::admit    → seal → UdpSocket::send
//   inbound:  Tunnel::classify → open → Tunnel::accept → TunDevice::write
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "base/ip.h"
#include "crypto/aead.h"
#include "noise/keypair.h"
#include "offload/split.h"
#include "tunnel/event.h"
#include "wire/ecn.h"

namespace adit::tunnel {

/// Writable bytes there must be behind each packet given to Tunnel::admit: zero padding is written there in place, and
/// what stood there is put back.
inline constexpr std::size_t kPaddingSlack = wire::kPaddingMultiple - 1;

/// One packet from the TUN, or a super-packet that is to be cut as `plan` says. Writable, with kPaddingSlack more
/// writable bytes behind it: sealing writes headers and padding in place.
struct PlainPacket {
  MutableBytes bytes;
  const offload::SplitPlan* plan = nullptr;  ///< null: nothing to cut, nothing to finish
  std::size_t segments() const { return plan == nullptr ? 1 : plan->segments(); }
  std::size_t size_of(std::size_t segment) const { return plan == nullptr ? bytes.size() : plan->size_of(segment); }
};

/// A packet with permission to leave: each of its segments has a counter, consecutive from `counter` on. Every one of
/// them is to be sealed once and sent, or lost.
struct OutboundPacket {
  const noise::Keypair* keypair = nullptr;
  std::uint64_t counter = 0;
  PlainPacket plain;  ///< without bytes: a keepalive
  std::size_t mtu = 0;
  std::uint8_t traffic_class = 0;  ///< for the outer header
  /// Bytes of the transport datagram that segment `index` becomes: padded, with header and tag.
  std::size_t sealed_size(std::size_t index) const;
};

/// A handshake message or cookie reply, complete.
struct HandshakeDatagram {
  Path path;
  std::size_t size = 0;
  std::array<std::uint8_t, sizeof(wire::HandshakeInitiation)> buffer{};
  Bytes bytes() const { return Bytes(buffer).first(size); }
};

/// What a call to the Tunnel wants done, in this order: note the timestamp, send the handshakes, seal and send the
/// packets to `path`, tell of the events. The caller owns it and clears it between calls, so that memory is reused.
struct Outbox {
  /// The last TAI64N used. Must be on disk before `handshakes` are sent.
  std::optional<noise::Tai64n> timestamp;
  std::vector<HandshakeDatagram> handshakes;
  Path path;
  std::vector<OutboundPacket> packets;
  /// To be sealed and sent after all others, each alone and in one piece (Tunnel::probe): where that cannot be,
  /// Tunnel::probe_refused is to be told.
  std::vector<OutboundPacket> probes;
  std::vector<Event> events;
  /// IP packets for our own host, as a router's on the way would be: who sent what was refused is told so.
  std::vector<std::vector<std::uint8_t>> answers;

  /// What `packets` and `probes` point into.
  std::vector<std::shared_ptr<const noise::Keypair>> keypairs;
  std::vector<std::vector<std::uint8_t>> staged;

  void clear();
};

/// A transport datagram between classify and accept.
struct InboundPacket {
  Path path;
  noise::Keypair* keypair = nullptr;
  std::uint64_t counter = 0;
  wire::Ecn ecn = wire::Ecn::not_capable;  ///< of the outer header
  MutableBytes sealed;                     ///< ciphertext and tag, inside the datagram's own bytes
  bool authentic = false;
  MutableBytes plaintext() const { return sealed.first(sealed.size() - crypto::kTagSize); }
};

struct InboundBatch {
  std::vector<InboundPacket> packets;
  /// What `packets` points to.
  std::vector<std::shared_ptr<noise::Keypair>> keypairs;
  /// What was put together of fragments: some of what is to be delivered points into it.
  std::vector<std::vector<std::uint8_t>> joined;

  void clear();
  /// Once it is accepted, all but what is to be delivered.
  void clear_accepted();
};

/// Seals all segments of all packets into transport datagrams, one in each of `out`, in order; the sizes of `out` are
/// those of sealed_size. Afterwards the plaintext of what was cut is no longer what it was.
void seal(std::span<const OutboundPacket> packets, const crypto::Aead& aead, std::span<const MutableBytes> out);

/// Decrypts in place and sets `authentic`.
void open(std::span<InboundPacket> packets, const crypto::Aead& aead);

/// Keeps alive what packets point at; a batch rarely has more than one keypair.
template <class Pins, class Pin>
void pin(Pins& pins, const Pin& keypair) {
  if (pins.empty() || pins.back() != keypair) pins.push_back(keypair);
}

}  // namespace adit::tunnel
