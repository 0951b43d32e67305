// SPDX-License-Identifier: MIT
// The way of packets through the daemon, a batch at a time (docs/life-of-a-packet.md):
//
//   send      TUN → admit → seal → UDP
//   receive   UDP → classify → open → accept → TUN, and UDP for what it causes
//
// Holds the buffers. Does not know when it is called; nothing is allocated for a packet.
#pragma once

#include <array>
#include <vector>

#include "app/packet_slots.h"
#include "app/ports.h"
#include "app/transmitter.h"

namespace adit::app {

class DataPath {
 public:
  /// The references must outlive the data path.
  DataPath(tunnel::Tunnel& tunnel, const crypto::Aead& aead, PacketPort& packets, DatagramPort& datagrams,
           Transmitter::KeepTimestamp keep_timestamp);

  /// One batch of packets out. Only while not blocked: packets wait better in the kernel. `error` in the result means
  /// that the TUN can no longer be read.
  net::IoResult send(Instant now);
  /// One batch of datagrams in. `error` in the result means that a socket can no longer be used.
  net::IoResult receive(Instant now);

  void tick(Instant now);
  /// Goes on with what could not be sent before.
  void resume(Instant now) { transmitter_.flush(now); }
  void call(const Endpoint& endpoint, Instant now);
  void retry_now(Instant now);

  Family blocked() const { return transmitter_.blocked(); }
  int send_error() const { return transmitter_.last_error(); }
  void take_events(std::vector<tunnel::Event>& events) { transmitter_.take_events(events); }

 private:
  void deliver();
  void count_truncated();

  tunnel::Tunnel& tunnel_;
  const crypto::Aead& aead_;
  PacketPort& packet_port_;
  DatagramPort& datagram_port_;
  Transmitter transmitter_;

  PacketSlots packet_slots_;
  std::array<MutableBytes, kBatchPackets> packets_;
  PacketSlots datagram_slots_;
  std::array<Datagram, kBatchPackets> datagrams_;
  tunnel::InboundBatch batch_;
  std::vector<Bytes> accepted_;
  std::vector<MutableBytes> deliverable_;
  std::uint64_t truncated_ = 0;
};

}  // namespace adit::app
