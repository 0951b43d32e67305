// SPDX-License-Identifier: MIT
// One batch of datagrams on its way in, with the memory it is in: as the sockets gave it, then opened, then put
// together for the TUN. Classifying and accepting it is the Tunnel's business; the other steps need nothing but it, so
// that any thread may do them.
#pragma once

#include <array>
#include <functional>
#include <utility>
#include <vector>

#include "offload/merge.h"
#include "path/buffers.h"
#include "path/ports.h"
#include "tunnel/batch.h"

namespace adit::path {

/// Called between the parts of a batch on its way to the interface: the place to read what it has answered by then.
/// Empty: nothing.
using Between = std::function<void()>;

class Arrival {
 public:
  explicit Arrival(const offload::MergeOptions& merges) : merger_(merges) {}
  Arrival(const Arrival&) = delete;
  Arrival& operator=(const Arrival&) = delete;

  /// So many messages at most.
  net::IoResult receive(DatagramPort& port, std::size_t messages);
  /// Messages that brought the datagrams, and the bytes in them.
  std::pair<std::size_t, std::size_t> extent() const;

  std::vector<Datagram> datagrams;
  tunnel::InboundBatch batch;
  std::vector<MutableBytes> accepted;

  /// For `merge`.
  void set_merges(const offload::MergeOptions& merges) { merger_.set_options(merges); }
  void merge();
  /// What is delivered at a time, at most: our own host may answer each at once, and its answers need room until the
  /// interface is read again, which takes as many, if they are no larger than questions are.
  static constexpr std::size_t kDeliveriesAtATime = net::kMostReads;
  /// Writes what `merge` has put together, once. `between`: called after each part of it, but for the last.
  void deliver(PacketPort& port, const Between& between);
  void clear();

  /// What came of it, for whoever counts.
  struct Outcome {
    std::uint64_t failed = 0;                    ///< packets the interface did not take
    std::vector<offload::VirtioHeader> refused;  ///< what the kernel did not take in one piece
  };
  Outcome& outcome() { return outcome_; }

 private:
  void deliver_one_by_one(PacketPort& port, const offload::Delivery& merged);

  MessageSlots slots_;
  std::array<MutableBytes, kBatchMessages> buffers_;
  offload::Merger merger_;
  std::span<const offload::Delivery> deliveries_;
  std::vector<std::uint8_t> unmerged_;
  Outcome outcome_;
};

}  // namespace adit::path
