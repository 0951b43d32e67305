// SPDX-License-Identifier: MIT
// A World's two ends, with a look at what one of them is about to send.
#pragma once

#include "world.h"

namespace adit::tunnel::test {

inline const Endpoint kElsewhere = *Endpoint::parse("203.0.113.9:9999");

struct Link : testing::Test {
  World world;
  Host& a = world.a;
  Host& b = world.b;

  /// What the tunnel of `host` wants sent for one packet of `size` bytes.
  Outbox admitted(Host& host, std::size_t size) {
    storage = inner_packet(host.inner, world.peer_of(host).inner, 1'000'000 + size, size);
    const auto actual = storage.size();
    storage.resize(actual + kPaddingSlack, 0xEE);
    const PlainPacket view{MutableBytes(storage).first(actual)};
    Outbox out;
    host.tunnel->admit({&view, 1}, world.now, out);
    return out;
  }
  /// A datagram sealed with the keys `host` sends with now, with any counter and any contents.
  Buffer sealed(Host& host, std::uint64_t counter, const Buffer& plaintext) {
    const auto out = admitted(host, 100);
    storage = plaintext;
    storage.resize(plaintext.size() + kPaddingSlack);
    const OutboundPacket packet{
        out.packets.at(0).keypair, counter, {MutableBytes(storage).first(plaintext.size())}, plaintext.size()};
    Buffer bytes(packet.sealed_size(0));
    const MutableBytes view = bytes;
    seal({&packet, 1}, *world.aead, {&view, 1});
    return bytes;
  }
  /// The keypair `host` receives with, as the machine itself holds it.
  noise::Keypair& receiving(Host& host) {
    InboundBatch batch;
    Outbox out;
    auto bytes = sealed(world.peer_of(host), 1'000, {});
    const Datagram datagram{{.remote = world.peer_of(host).address}, bytes};
    host.tunnel->classify({&datagram, 1}, world.now, batch, out);
    return *batch.packets.at(0).keypair;
  }
  Buffer storage;
};

}  // namespace adit::tunnel::test
