// SPDX-License-Identifier: MIT
#include "tunnel/batch.h"

#include "base/assert.h"

namespace adit::tunnel {

void Outbox::clear() {
  timestamp.reset();
  handshakes.clear();
  packets.clear();
  events.clear();
  keypairs.clear();
  staged.clear();
}

void InboundBatch::clear() {
  packets.clear();
  keypairs.clear();
}

void seal(std::span<const OutboundPacket> packets, const crypto::Aead& aead, std::span<const MutableBytes> out) {
  ADIT_ASSERT(packets.size() == out.size());
  thread_local std::vector<crypto::SealJob> jobs;
  jobs.clear();
  for (std::size_t i = 0; i < packets.size(); ++i) {
    const auto& packet = packets[i];
    ADIT_ASSERT(out[i].size() == sealed_size(packet));
    wire::write_transport_header({packet.keypair->remote_index, packet.counter},
                                 out[i].first<wire::kTransportHeaderSize>());
    jobs.push_back(
        {&packet.keypair->keys.send, packet.counter, packet.plaintext, out[i].subspan(wire::kTransportHeaderSize)});
  }
  aead.seal(jobs);
}

void open(std::span<InboundPacket> packets, const crypto::Aead& aead) {
  thread_local std::vector<crypto::OpenJob> jobs;
  jobs.clear();
  for (auto& packet : packets) {
    jobs.push_back({&packet.keypair->keys.receive, packet.counter, packet.sealed, packet.plaintext()});
  }
  aead.open(jobs);
  for (std::size_t i = 0; i < packets.size(); ++i) packets[i].authentic = jobs[i].authentic;
}

}  // namespace adit::tunnel
