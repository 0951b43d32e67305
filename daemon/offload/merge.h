// SPDX-License-Identifier: MIT
// Puts packets of one flow together into super-packets before they are written to the TUN, so that the kernel's stack
// runs once for many. Only what `split` would take apart again into exactly the same packets is merged (but for the
// IPv4 identification, which says nothing in packets that are not fragments):
//
//   TCP: same addresses, ports, TOS, TTL, DF and options; the sequence continues, the acknowledgment and the window are
//        equal; only ACK, and PSH on the last; at least a byte of payload; all but the last of one size
//   UDP: the same of IP, all but the last of one size
//
// The inner checksum of each packet is verified first: the merged one says "checksum to be finished", and would
// otherwise turn a broken packet into a sound one. Packets of a flow keep their order; nothing is held back.
//
// Of Ethernet frames the IP packets in them are merged likewise, where the Ethernet headers are the same.
#pragma once

#include <span>
#include <vector>

#include "offload/virtio_header.h"

namespace adit::offload {

/// Pieces of one delivery at most: what the kernel takes of UDP datagrams in one packet, and enough for TCP.
inline constexpr std::size_t kMaxPieces = 64;

/// What one write to the TUN takes: the header, then the pieces one behind the other. Pieces point into the packets
/// given to `merge`; the first of a merged packet had its headers changed.
struct Delivery {
  VirtioHeader virtio;
  std::vector<Bytes> pieces;
  std::size_t packets = 1;
};

struct MergeOptions {
  bool tcp4 = true;
  bool tcp6 = true;
  bool udp4 = true;
  bool udp6 = true;
  bool frames = false;  ///< what is merged are Ethernet frames
};

/// A packet that may be merged, taken apart.
struct MergeCandidate {
  MutableBytes packet;
  bool is_v4 = false;
  bool is_tcp = false;
  std::size_t ip = 0;         ///< where the IP header begins; before it is Ethernet's
  std::size_t transport = 0;  ///< where its header begins
  std::size_t headers = 0;    ///< size of all headers
  std::size_t payload = 0;
};

class Merger {
 public:
  /// A packet is compared with so many groups at most, the newest. One that has gone out of sight is as good as closed:
  /// its flow goes on in a new one, in order still. Otherwise whoever sends from ports at random could make each packet
  /// of a batch be compared with all the others.
  static constexpr std::size_t kGroupsInSight = 32;

  explicit Merger(MergeOptions options) : options_(options) {}

  /// Deliveries for all of `packets`, in order within each flow, valid until the next call. Each of `packets` is one
  /// IP packet of exactly its size, or a frame.
  std::span<Delivery> merge(std::span<const MutableBytes> packets);

  const MergeOptions& options() const { return options_; }
  void set_options(const MergeOptions& options) { options_ = options; }
  /// Never again what `refused` asked the kernel to do.
  void give_up(const VirtioHeader& refused);

 private:
  /// A delivery that more may be added to, or that is closed.
  struct Group {
    MergeCandidate first;
    std::size_t delivery = 0;
    std::size_t size = 0;        ///< of the merged packet so far
    std::uint32_t sequence = 0;  ///< TCP: the one to come
    std::uint8_t flags = 0;      ///< TCP: of all its packets
    bool open = true;
  };

  std::span<Group> in_sight();
  Delivery& add_delivery(MutableBytes packet);
  bool append(const MergeCandidate& candidate);
  void close_related(Bytes packet);
  void finish(const Group& group);

  MergeOptions options_;
  std::vector<Delivery> deliveries_;  ///< the first used_ are this call's; kept, so that their memory is
  std::size_t used_ = 0;
  std::vector<Group> groups_;
};

}  // namespace adit::offload
