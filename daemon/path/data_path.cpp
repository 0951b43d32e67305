// SPDX-License-Identifier: MIT
#include "path/data_path.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include "base/assert.h"
#include "tunnel/too_big.h"

namespace adit::path {

using tunnel::DropReason;

namespace {
/// Batches each way: one that is filled, and for each thread one that it works on and one that waits for its turn.
std::size_t batches_for(std::size_t workers) {
  return workers <= 1 ? 1 : 2 * workers + 1;
}
/// Pieces of work this thread does at a time before it looks at its descriptors again.
constexpr int kPiecesInARow = 4;
}  // namespace

DataPath::DataPath(tunnel::Tunnel& tunnel, const crypto::Aead& aead, PacketPort& packets, DatagramPort& datagrams,
                   const offload::MergeOptions& merge, Transmitter::KeepTimestamp keep_timestamp)
    : tunnel_(tunnel),
      packet_port_(packets),
      datagram_port_(datagrams),
      transmitter_(tunnel, aead, datagrams, std::move(keep_timestamp)),
      receiver_(tunnel, aead, packets, datagrams, merge),
      ready_(packets.queues()) {}

net::IoResult DataPath::send(Instant now) {
  if (!takes_packets()) {
    packets_were_full_ = true;
    return {};
  }
  if (transmitter_.shares_reading()) return ask(now);
  net::IoResult total;
  if (ready_.size() == 1) {
    send_of(0, now, total);
    return total;
  }
  for (std::size_t i = 0, first = first_queue_++; i < ready_.size() && takes_packets() && total.error == 0; ++i) {
    const auto queue = (first + i) % ready_.size();
    if (ready_[queue]) send_of(queue, now, total);
    ready_[queue] = false;
  }
  return total;
}

void DataPath::send_of(std::size_t queue, Instant now, net::IoResult& total) {
  auto& source = transmitter_.source();
  source.reads.clear();
  const auto result = packet_port_.read_queue(queue, source.arena, source.reads);
  packets_were_full_ |= source.is_full();
  total.count += result.count;
  total.error = result.error;
  count_lost();
  if (result.count == 0) return;
  admit(source, now, transmitter_.outbox());
  transmitter_.flush(now);
}

/// One batch is read at once: reading is a small part of what follows, and who has one flow only would wait twice for
/// somebody to wake up, for each batch.
net::IoResult DataPath::ask(Instant now) {
  net::IoResult result{.error = std::exchange(read_error_, 0)};
  for (std::size_t i = 0, first = first_queue_++; i < ready_.size(); ++i) {
    const auto queue = (first + i) % ready_.size();
    if (!ready_[queue] || !takes_packets_of(queue)) continue;
    ready_[queue] = false;
    transmitter_.ask(queue);
    ++result.count;
  }
  if (transmitter_.read(packet_port_)) take_up(now);
  return result;
}

void DataPath::admit(Shipment::Source& source, Instant now, tunnel::Outbox& out) {
  source.packets.clear();
  source.plans.clear();
  source.plans.reserve(source.reads.size());  // source.packets points into it
  if (tunnel_.carries_frames()) {
    plan_frames(source, now);
  } else {
    plan_packets(source);
  }
  if (!source.packets.empty() && !tunnel_.carries_frames()) note_sent(source.packets.back());
  tunnel_.admit(source.packets, now, out);
  for (auto& answer : out.answers) deliver_own(answer);
  out.answers.clear();
}

/// Before it is sealed, which writes behind it.
void DataPath::note_sent(const tunnel::PlainPacket& packet) {
  const auto size = packet.bytes.size();
  if (packet.segments() != 1 || size < Sent::kLeast || size > Sent::kMost || !tunnel::is_whole_tcp4(packet.bytes))
    return;
  std::ranges::copy(packet.bytes, sent_.bytes[sent_.next].begin());
  sent_.sizes[sent_.next] = size;
  sent_.next = (sent_.next + 1) % sent_.sizes.size();
}

void DataPath::refuse_those_sent(std::uint32_t size) {
  for (std::size_t i = 0; i < sent_.sizes.size(); ++i) {
    const auto packet = Bytes(sent_.bytes[i]).first(std::exchange(sent_.sizes[i], 0));
    if (packet.size() <= size) continue;
    if (auto answer = tunnel::answer_too_big(packet, size)) deliver_own(*answer);
  }
}

void DataPath::plan_packets(Shipment::Source& source) {
  for (const auto& read : source.reads) {
    if (read.virtio == offload::VirtioHeader{}) {
      source.packets.push_back({read.bytes});
    } else if (const auto plan = offload::SplitPlan::make(read.virtio, read.bytes)) {
      source.packets.push_back({read.bytes, &source.plans.emplace_back(*plan)});
    } else {
      tunnel_.count_drop(DropReason::malformed_packet);
    }
  }
}

void DataPath::plan_frames(Shipment::Source& source, Instant now) {
  for (const auto& read : source.reads) {
    const auto frame = tunnel_.wrap(read.bytes);
    if (!frame) continue;
    tunnel::PlainPacket packet{frame->packet};
    if (read.virtio != offload::VirtioHeader{}) {
      const auto plan = offload::SplitPlan::make(read.virtio, frame->packet, frame->wrapping);
      if (!plan) {
        tunnel_.count_drop(DropReason::malformed_packet);
        continue;
      }
      packet.plan = &source.plans.emplace_back(*plan);
    }
    const auto refused = tunnel_.refuse_wrapped(packet, *frame, now);
    if (!refused) {
      source.packets.push_back(packet);
    } else if (*refused == DropReason::frame_too_large) {
      if (auto told = tunnel_.tell_too_large(*frame, now)) deliver_own(*told);
    }
  }
}

net::IoResult DataPath::receive(Instant now) {
  const auto result = receiver_.receive(now, transmitter_.outbox(), [this, now] { read_between(now); });
  count_lost();
  if (result.count != 0) transmitter_.flush(now);
  return result;
}

/// A batch may be 4,000 packets, as after a restart, in which all wait that came meanwhile. Each may be answered within
/// the call that delivers it, and the interface's queue has its bounds. What is wrong with reading shows when it is
/// read the next time. Where others help they may be asleep: all of it is done here. (Where one of them delivers, this
/// thread is awake, and reads in its own turns.)
void DataPath::read_between(Instant now) {
  transmitter_.flush(now);  // what accepting the batch has caused goes first
  if (transmitter_.shares_reading()) {
    for (std::size_t queue = 0; queue < ready_.size(); ++queue) {
      if (takes_packets_of(queue)) transmitter_.ask(queue);
    }
    while (transmitter_.read(packet_port_)) {
    }
    take_reads(now);
  } else {
    net::IoResult total;
    for (std::size_t queue = 0; queue < ready_.size() && takes_packets(); ++queue) send_of(queue, now, total);
  }
  while (transmitter_.work()) {
  }
  transmitter_.collect();
}

void DataPath::count_lost() {
  const auto lost = datagram_port_.take_lost();
  tunnel_.count_drop(DropReason::truncated, packet_port_.take_truncated() + lost.truncated);
  tunnel_.count_drop(DropReason::receive_buffer_full, lost.receive_buffer_full);
  tunnel_.count_drop(DropReason::other_interface, lost.other_interface);
}

void DataPath::tick(Instant now) {
  tunnel_.tick(now, transmitter_.outbox());
  transmitter_.flush(now);
}

void DataPath::call(const Endpoint& endpoint, Instant now) {
  tunnel_.set_endpoint(endpoint, now, transmitter_.outbox());
  transmitter_.flush(now);
}

void DataPath::set_keepalive(std::optional<Duration> interval, Instant now) {
  tunnel_.set_keepalive(interval, now, transmitter_.outbox());
  transmitter_.flush(now);
}

void DataPath::set_aead(const crypto::Aead& aead) {
  const auto paused = pause();
  transmitter_.set_aead(aead);
  receiver_.set_aead(aead);
}

void DataPath::deliver_own(MutableBytes packet) {
  const offload::Delivery one{.virtio = {}, .pieces = {packet}};
  packet_port_.write({&one, 1}, {});
}

bool DataPath::probe(std::size_t size, Instant now) {
  if (blocked() != Family::none) return false;
  const bool asked = tunnel_.probe(size, now, transmitter_.outbox());
  transmitter_.flush(now);
  return asked;
}

void DataPath::retry_now(Instant now) {
  tunnel_.retry_now(now, transmitter_.outbox());
  transmitter_.flush(now);
}

void DataPath::forget_sessions(Instant now) {
  tunnel_.forget_sessions(now, transmitter_.outbox());
  transmitter_.flush(now);
}

// Several workers
// ------------------------------------------------------------------------------------------------------

void DataPath::set_workers(std::size_t workers, Instant now, const HandOverPoint& point) {
  if (crew_) crew_->stop();
  if (workers > 1 && !crew_) {
    try {
      crew_.emplace([this] { return work({}); });
    } catch (const std::system_error&) {  // no descriptor is to be had: alone, then
      workers = 1;
    }
  }
  if (workers > 1) point_ = point;
  if (workers <= 1) finish(now);
  const auto batches = batches_for(workers);
  const auto queues = packet_port_.queues();
  transmitter_.share(batches + (queues > 1 && workers > 1 ? queues : 0), queues, point_, now);
  receiver_.share(batches, point_);
  take_up(now);
  if (workers <= 1) {
    crew_.reset();
    return;
  }
  crew_->start(workers - 1);
  if (waiting() > 0) crew_->call();
}

/// What is nearest to its end comes first: that makes room.
bool DataPath::work(const Between& between) {
  return receiver_.deliver(between) || transmitter_.work() || receiver_.open() || transmitter_.read(packet_port_);
}

void DataPath::catch_up(Instant now) {
  packets_were_full_ = std::exchange(read_was_full_, false);
  receiver_.begin_turn();
  take_up(now);
}

void DataPath::take_up(Instant now) {
  if (!transmitter_.is_shared() && !receiver_.is_shared()) return;
  if (crew_) crew_->rethrow();
  receiver_.collect(now, transmitter_.outbox());
  transmitter_.flush(now);
  transmitter_.collect();
  take_reads(now);
}

void DataPath::take_reads(Instant now) {
  transmitter_.take_reads([&](std::size_t queue, Shipment& shipment) { take_read(queue, shipment, now); });
}

void DataPath::take_read(std::size_t queue, Shipment& shipment, Instant now) {
  auto& source = shipment.source;
  if (source.error != 0) read_error_ = source.error;
  if (source.reads.empty()) return;
  if (source.is_full()) packets_were_full_ = read_was_full_ = ready_[queue] = true;
  count_lost();
  admit(source, now, shipment.outbox);
}

bool DataPath::wants_more() const {
  return (packets_were_full_ && takes_packets()) || (receiver_.was_full() && takes_datagrams());
}

/// While there is more to read than one thread can keep up with, the others are called, and this one goes on reading as
/// long as they have enough to do. Else all there is to do is done here and now: a lone packet wakes nobody.
void DataPath::lend_a_hand(Instant now) {
  const auto helpers = crew_ ? crew_->size() : 0;
  for (int pieces = 0; waiting() > 0 && (pieces < kPiecesInARow || helpers == 0); ++pieces) {
    if (helpers > 0 && wants_more()) {
      call_crew();
      if (waiting() <= helpers || pieces > 0) return;
    }
    work([this, now] { read_between(now); });
    take_up(now);
  }
}

/// Where several queues are read, several are needed at once.
void DataPath::call_crew() {
  const auto most = transmitter_.shares_reading() ? crew_->size() : 1;
  for (auto i = std::min<std::uint64_t>(waiting(), most); i > 0; --i) crew_->call();
}

void DataPath::finish(Instant now) {
  const auto paused = pause();
  do {
    take_up(now);
  } while (work({}));
}

void DataPath::give_up(Instant now) {
  const auto paused = pause();
  while (transmitter_.give_up()) {
    // What waited for those is next.
    do {
      take_up(now);
    } while (work({}));
  }
}

void DataPath::expect_news() {
  if (!crew_) return;
  crew_->expect_news();
  if (waiting() > 0 || receiver_.has_news() || transmitter_.has_news()) crew_->ring();
}

}  // namespace adit::path
