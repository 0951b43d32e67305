// SPDX-License-Identifier: MIT
// The way of packets through the daemon, a batch at a time (docs/life-of-a-packet.md):
//
//   send      TUN → plan → admit → seal → UDP
//   receive   UDP → classify → open → accept → merge → TUN, and UDP for what it causes
//
// Holds the buffers. Does not know when it is called; nothing is allocated for a packet.
#pragma once

#include <array>
#include <optional>
#include <vector>

#include "offload/merge.h"
#include "path/buffers.h"
#include "path/ports.h"
#include "path/transmitter.h"

namespace adit::path {

class DataPath {
 public:
  /// The references must outlive the data path.
  DataPath(tunnel::Tunnel& tunnel, const crypto::Aead& aead, PacketPort& packets, DatagramPort& datagrams,
           offload::MergeOptions merge, Transmitter::KeepTimestamp keep_timestamp);

  /// One batch of packets out. Only while not blocked: packets wait better in the kernel. `error` in the result means
  /// that the TUN can no longer be read.
  net::IoResult send(Instant now);
  /// One batch of datagrams in. `error` in the result means that a socket can no longer be used.
  net::IoResult receive(Instant now);

  void tick(Instant now);
  /// Goes on with what could not be sent before.
  void resume(Instant now) { transmitter_.flush(now); }
  void call(const Endpoint& endpoint, Instant now);
  void set_keepalive(std::optional<Duration> interval, Instant now);
  /// `aead` must outlive the data path, or the next call.
  void set_aead(const crypto::Aead& aead);
  void set_merges(const offload::MergeOptions& options) { merger_ = offload::Merger(options); }
  void retry_now(Instant now);

  /// What is merged before it is written to the TUN; less than was asked for when the kernel refused some.
  const offload::MergeOptions& merges() const { return merger_.options(); }
  Family blocked() const { return transmitter_.blocked(); }
  int send_error() const { return transmitter_.last_error(); }
  void take_events(std::vector<tunnel::Event>& events) { transmitter_.take_events(events); }

 private:
  void plan_next_batch();
  void deliver();
  void deliver_one_by_one(const offload::Delivery& merged);
  void count_lost();

  tunnel::Tunnel& tunnel_;
  const crypto::Aead* aead_;
  PacketPort& packet_port_;
  DatagramPort& datagram_port_;
  Transmitter transmitter_;

  /// What the TUN gave, and what comes of it.
  struct Outbound {
    std::vector<std::uint8_t> arena;
    std::vector<net::TunPacket> reads;
    std::vector<offload::SplitPlan> plans;
    std::vector<tunnel::PlainPacket> packets;
  } out_;
  /// What the sockets gave, likewise.
  struct Inbound {
    MessageSlots slots;
    std::array<MutableBytes, kBatchMessages> buffers;
    std::size_t messages = kBatchMessages;  ///< to be received next time: about kBatchBytes, to judge by the last time
    std::vector<Datagram> datagrams;
    tunnel::InboundBatch batch;
    std::vector<MutableBytes> accepted;
  } in_;
  offload::Merger merger_;
  std::vector<std::uint8_t> unmerged_;
};

}  // namespace adit::path
