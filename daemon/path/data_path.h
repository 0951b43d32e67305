// SPDX-License-Identifier: MIT
// The way of packets through the daemon, a batch at a time (docs/life-of-a-packet.md):
//
//   send      TUN → (wrap) → plan → admit → seal → UDP, of each queue of the TUN
//   receive   UDP → classify → open → accept → merge → TUN, and UDP for what it causes
//
// Does not know when it is called; nothing is allocated for a packet. With several workers, the steps that need neither
// the tunnel nor each other are shared with a crew (docs/threads.md); all that is called here is called by one thread.
#pragma once

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "path/crew.h"
#include "path/receiver.h"
#include "path/transmitter.h"

namespace adit::path {

class DataPath {
 public:
  /// The references must outlive the data path.
  DataPath(tunnel::Tunnel& tunnel, const crypto::Aead& aead, PacketPort& packets, DatagramPort& datagrams,
           const offload::MergeOptions& merge, Transmitter::KeepTimestamp keep_timestamp);

  /// One batch of packets out, of each queue that has some. None unless it takes packets, which another worker that
  /// finds the socket full may end at any moment: they wait where they are then. `error` in the result means that the
  /// TUN can no longer be read. Where others read, too, they are asked to, and it is told of the last time.
  net::IoResult send(Instant now);
  /// So has it; to be said before `send` where there are several.
  void packets_wait(std::size_t queue) { ready_[queue] = true; }
  /// Some that were told to have packets, or did not give all they have.
  bool has_ready_queue() const { return std::ranges::find(ready_, true) != ready_.end(); }
  /// One batch of datagrams in. Only while it takes datagrams. `error` in the result means that a socket can no longer
  /// be used.
  net::IoResult receive(Instant now);
  /// Packets wait better in the kernel while there is no room for them.
  bool takes_packets() const { return blocked() == Family::none && transmitter_.has_room(); }
  bool takes_packets_of(std::size_t queue) const { return takes_packets() && !transmitter_.is_reading(queue); }
  bool takes_datagrams() const { return receiver_.has_room(); }

  void tick(Instant now);
  /// Goes on with what could not be sent before.
  void resume(Instant now) { transmitter_.flush(now); }
  void call(const Endpoint& endpoint, Instant now);
  void set_keepalive(std::optional<Duration> interval, Instant now);
  /// `aead` must outlive the data path, or the next call.
  void set_aead(const crypto::Aead& aead);
  void set_merges(const offload::MergeOptions& options) { receiver_.set_merges(options); }
  void retry_now(Instant now);
  void forget_sessions(Instant now);
  /// Tunnel::probe
  bool probe(std::size_t size, Instant now);
  /// The way turned out to have room for `size` bytes of TCP over IPv4 (Tunnel::set_way_size): those that have sent
  /// more lately are told now. A TCP that waits for answers would hear of it with its next try, which comes later each
  /// time.
  void refuse_those_sent(std::uint32_t size);
  /// To our own kernel, as if it had come out of the tunnel.
  void deliver_own(MutableBytes packet);

  /// What is merged before it is written to the TUN; less than was asked for when the kernel refused some.
  const offload::MergeOptions& merges() const { return receiver_.merges(); }
  Family blocked() const { return transmitter_.blocked(); }
  int send_error() const { return transmitter_.last_error(); }
  std::optional<Refusal> take_refused_elsewhere() { return transmitter_.take_refused_elsewhere(); }
  void take_events(std::vector<tunnel::Event>& events) { transmitter_.take_events(events); }

  // Several workers
  // ----------------------------------------------------------------------------------------------------

  /// Threads that move packets, this one among them. Nothing that is under way is lost. `point`: for tests.
  void set_workers(std::size_t workers, Instant now, const HandOverPoint& point = {});
  /// That there are: fewer than was asked for where the system has no more threads.
  std::size_t workers() const { return 1 + (crew_ ? crew_->size() : 0); }
  /// Takes up what the others have done. At the beginning of a turn.
  void catch_up(Instant now);
  /// Does what they cannot keep up with, or need not be woken for. At the end of each part of a turn.
  void lend_a_hand(Instant now);
  /// Ends all that is under way, as far as the socket has room. Afterwards nobody else touches a port, or a tunnel's
  /// session, before the next batch.
  void finish(Instant now);
  /// Afterwards, at the end: what the socket had no room for has counters, so that nobody can send it later, and is
  /// counted as dropped (send_failed).
  void give_up(Instant now);
  /// To be watched, and `heard` when it is readable; -1: there are no others.
  int bell() const { return crew_ ? crew_->fd() : -1; }
  void heard() { crew_->heard(); }
  /// Before this thread sleeps.
  void expect_news();
  /// While ports are changed under it.
  [[nodiscard]] Crew::Pause pause() { return Crew::Pause(crew_ ? &*crew_ : nullptr); }

 private:
  void send_of(std::size_t queue, Instant now, net::IoResult& total);
  net::IoResult ask(Instant now);
  void take_reads(Instant now);
  void take_read(std::size_t queue, Shipment& shipment, Instant now);
  void admit(Shipment::Source& source, Instant now, tunnel::Outbox& out);
  /// Whole packets that went out last, of batches that ended with one: whoever waits for answers sends no more at a
  /// time.
  struct Sent {
    static constexpr std::size_t kLeast = 512;
    static constexpr std::size_t kMost = 1500;
    std::array<std::array<std::uint8_t, kMost>, 8> bytes;
    std::array<std::size_t, 8> sizes{};  ///< 0: none
    std::size_t next = 0;
  };

  void note_sent(const tunnel::PlainPacket& packet);
  void plan_packets(Shipment::Source& source);
  void plan_frames(Shipment::Source& source, Instant now);
  void take_up(Instant now);
  bool work(const Between& between);
  void read_between(Instant now);
  std::uint64_t waiting() const { return receiver_.waiting() + transmitter_.waiting(); }
  bool wants_more() const;
  void call_crew();
  void count_lost();

  tunnel::Tunnel& tunnel_;
  PacketPort& packet_port_;
  DatagramPort& datagram_port_;
  Transmitter transmitter_;
  Receiver receiver_;
  std::vector<bool> ready_;         ///< queues of the TUN that have packets, where there are several
  std::size_t first_queue_ = 0;     ///< the one whose turn it is to be the first
  bool packets_were_full_ = false;  ///< the last batch of this turn: there are more, very likely
  bool read_was_full_ = false;      ///< the same of what others have read since the turn before began
  int read_error_ = 0;              ///< of another thread's reading
  Sent sent_;
  HandOverPoint point_;
  std::optional<Crew> crew_;  ///< the last, so that it ends first
};

}  // namespace adit::path
