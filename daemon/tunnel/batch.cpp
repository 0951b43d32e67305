// SPDX-License-Identifier: MIT
#include "tunnel/batch.h"

#include <algorithm>

#include "base/assert.h"

namespace adit::tunnel {

void Outbox::clear() {
  timestamp.reset();
  handshakes.clear();
  packets.clear();
  probes.clear();
  events.clear();
  answers.clear();
  keypairs.clear();
  staged.clear();
}

void InboundBatch::clear() {
  clear_accepted();
  joined.clear();
}

void InboundBatch::clear_accepted() {
  packets.clear();
  keypairs.clear();
}

namespace {

/// Zero padding to a multiple of 16, but never past the MTU (§5.4.6): a full packet must fit the path as it is.
std::size_t padded_size(std::size_t size, std::size_t mtu) {
  const auto rounded = (size + wire::kPaddingMultiple - 1) / wire::kPaddingMultiple * wire::kPaddingMultiple;
  return std::max(size, std::min(rounded, mtu));
}

/// Writes zeros behind a segment for as long as it is sealed: there the next segment's payload may begin.
class Padding {
 public:
  Padding(std::uint8_t* at, std::size_t size) : at_(at), size_(size) {
    std::memcpy(saved_.data(), at_, size_);
    std::memset(at_, 0, size_);
  }
  Padding(const Padding&) = delete;
  Padding& operator=(const Padding&) = delete;
  ~Padding() { std::memcpy(at_, saved_.data(), size_); }

 private:
  std::uint8_t* at_;
  std::size_t size_;
  std::array<std::uint8_t, kPaddingSlack> saved_;
};

void seal_segment(const OutboundPacket& packet, std::size_t index, const crypto::Aead& aead, MutableBytes out) {
  const auto& plain = packet.plain;
  const auto counter = packet.counter + index;
  const auto segment = plain.plan == nullptr ? plain.bytes : plain.plan->write_header(plain.bytes, index);
  ADIT_ASSERT(out.size() == packet.sealed_size(index));
  wire::write_transport_header({packet.keypair->remote_index, counter}, out.first<wire::kTransportHeaderSize>());

  const auto size = out.size() - wire::kTransportOverhead;
  if (size == 0) {
    const crypto::SealJob keepalive{&packet.keypair->keys.send, counter, {}, out.subspan(wire::kTransportHeaderSize)};
    aead.seal({&keepalive, 1});
    return;
  }
  const Padding padding(segment.data() + segment.size(), size - segment.size());
  const crypto::SealJob job{&packet.keypair->keys.send, counter, Bytes(segment.data(), size),
                            out.subspan(wire::kTransportHeaderSize)};
  aead.seal({&job, 1});
}

}  // namespace

std::size_t OutboundPacket::sealed_size(std::size_t index) const {
  return padded_size(plain.size_of(index), mtu) + wire::kTransportOverhead;
}

void seal(std::span<const OutboundPacket> packets, const crypto::Aead& aead, std::span<const MutableBytes> out) {
  std::size_t next = 0;
  for (const auto& packet : packets) {
    for (std::size_t i = 0; i < packet.plain.segments(); ++i) seal_segment(packet, i, aead, out[next++]);
  }
  ADIT_ASSERT(next == out.size());
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
