// SPDX-License-Identifier: MIT
// What stands behind a data path in tests: an interface and a socket that can be full, broken or cut.
#pragma once

#include <algorithm>
#include <cerrno>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "offload/ethernet.h"
#include "offload/split.h"
#include "path/ports.h"

namespace adit::path::test {

using Buffer = std::vector<std::uint8_t>;

class FakeTun final : public PacketPort {
 public:
  net::IoResult read(MutableBytes arena, std::vector<net::TunPacket>& packets) override {
    net::IoResult result{.error = read_error};
    if (frames) arena = arena.subspan(net::kFrameHeadroom);
    while (result.count < net::kMostReads && arena.size() >= net::kLargestPacket && !from_host.empty()) {
      const auto& [virtio, bytes] = from_host.front();
      std::ranges::copy(bytes, arena.begin());
      packets.push_back({virtio, arena.first(bytes.size())});
      arena = arena.subspan(bytes.size() + net::kReadSlack + (frames ? net::kFrameHeadroom : 0));
      ++result.count;
      from_host.pop_front();
    }
    return result;
  }
  net::IoResult write(std::span<const offload::Delivery> deliveries, const Refused& refused) override {
    net::IoResult result;
    for (std::size_t i = 0; i < deliveries.size(); ++i) {
      const bool merged = deliveries[i].packets > 1;
      if (merged) ++merges_tried;
      if (refuses || (merged && refuses_merged)) {
        refused(i, refuses ? EIO : EINVAL);
        continue;
      }
      take(deliveries[i]);
      ++result.count;
    }
    return result;
  }
  std::uint64_t take_truncated() override { return std::exchange(cut, 0); }

  std::deque<std::pair<offload::VirtioHeader, Buffer>> from_host;
  std::vector<Buffer> to_host;  ///< cut as the kernel would cut it
  int merges_tried = 0;
  int read_error = 0;
  bool answers = false;          ///< each packet at once, as a host does that is pinged
  std::size_t most_waiting = 0;  ///< answers
  bool frames = false;           ///< is a TAP
  bool refuses = false;
  bool refuses_merged = false;
  std::uint64_t cut = 0;

 private:
  void answer(Buffer packet) {
    std::swap_ranges(packet.begin() + 12, packet.begin() + 16, packet.begin() + 16);
    from_host.emplace_back(offload::VirtioHeader{}, std::move(packet));
    most_waiting = std::max(most_waiting, from_host.size());
  }
  void take(const offload::Delivery& delivery) {
    Buffer whole;
    for (const auto piece : delivery.pieces) whole.insert(whole.end(), piece.begin(), piece.end());
    const offload::Wrapping wrapping{.ip = frames ? offload::find_ip(whole) : 0};
    const auto plan = offload::SplitPlan::make(delivery.virtio, whole, wrapping).value();
    for (std::size_t i = 0; i < plan.segments(); ++i) {
      const auto packet = plan.write_header(whole, i);
      to_host.emplace_back(packet.begin(), packet.end());
      if (answers) answer(to_host.back());
    }
  }
};

class FakeUdp final : public DatagramPort {
 public:
  net::IoResult receive(std::span<const MutableBytes> buffers, std::vector<Datagram>& datagrams) override {
    net::IoResult result{.error = receive_error};
    while (result.count < buffers.size() && !inbox.empty()) {
      auto message = buffers[result.count++];
      for (std::size_t i = 0; i < in_one && !inbox.empty(); ++i) {
        const auto datagram = message.first(inbox.front().size());
        std::ranges::copy(inbox.front(), datagram.begin());
        datagrams.push_back({{.remote = peer}, datagram, mark});
        message = message.subspan(datagram.size());
        inbox.pop_front();
      }
    }
    return result;
  }
  net::SendResult send(const Path& path, std::span<const OutboundDatagram> datagrams) override {
    to = path.remote;
    note_runs(datagrams);
    if (path.local == gone) source_refusals += 1;
    net::SendResult result{.source_refused = !gone.is_none() && path.local == gone};
    for (const auto& [datagram, traffic_class] : datagrams) {
      if (room == 0) {
        result.error = EAGAIN;
        return result;
      }
      const int error = path.remote == unreachable ? ENETUNREACH : refusal;
      if (error != 0) {
        result.error = error;
        result.refused += 1;
        continue;
      }
      if (room > 0) --room;
      result.sent += 1;
      order.push_back(datagram[0] == 4 ? 'p' : 'h');
      classes.push_back(traffic_class);
      if (other != nullptr) other->inbox.emplace_back(datagram.begin(), datagram.end());
    }
    return result;
  }
  int send_whole(const Path& path, const OutboundDatagram& datagram) override {
    if (datagram.bytes.size() > largest_whole) return EMSGSIZE;
    const auto result = send(path, {&datagram, 1});
    if (result.sent == 1) order.back() = 'w';
    return result.sent == 1 ? 0 : result.error;
  }
  net::LostDatagrams take_lost() override { return std::exchange(lost, {}); }

  std::size_t largest_whole = 65'535;
  FakeUdp* other = nullptr;
  std::deque<Buffer> inbox;
  std::size_t in_one = 1;  ///< datagrams that a message brings, at most
  Endpoint peer;
  Endpoint to;
  Endpoint unreachable;  ///< ENETUNREACH for what is to go there
  IpAddress gone;
  int source_refusals = 0;
  int room = -1;  ///< datagrams that fit; negative: any number
  int refusal = 0;
  int receive_error = 0;
  net::LostDatagrams lost;
  std::string order;  ///< h: a handshake message, p: a packet, w: one sent whole
  std::vector<int> classes;
  std::uint8_t mark = 0;  ///< traffic class of what comes in
  /// What the kernel may be given as one each time: how many datagrams stand one behind the other in memory, all of one
  /// size but for a smaller last one, of one traffic class.
  std::vector<std::size_t> runs;

 private:
  void note_runs(std::span<const OutboundDatagram> datagrams) {
    const OutboundDatagram* last = nullptr;
    std::size_t size = 0;
    for (const auto& datagram : datagrams) {
      const bool goes_on = last != nullptr && last->bytes.data() + last->bytes.size() == datagram.bytes.data() &&
                           last->bytes.size() == size && datagram.bytes.size() <= size &&
                           last->traffic_class == datagram.traffic_class;
      if (!goes_on) {
        runs.push_back(0);
        size = datagram.bytes.size();
      }
      ++runs.back();
      last = &datagram;
    }
  }
};

}  // namespace adit::path::test
