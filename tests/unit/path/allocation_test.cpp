// SPDX-License-Identifier: MIT
// Once warm, the data path takes no memory for packets. All of this program's `operator new` is counted here; the ports
// beside it take none themselves.
#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <memory>
#include <new>
#include <tuple>

#include "path/two_data_paths.h"

namespace {
std::atomic<std::size_t> allocations = 0;  // other tests of this program have threads
}  // namespace

// The array forms and those that do not throw come here, too.
[[gnu::noinline]] void* operator new(std::size_t size) {
  ++allocations;
  if (void* const memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void* operator new(std::size_t size, std::align_val_t alignment) {
  ++allocations;
  const auto step = static_cast<std::size_t>(alignment);
  if (void* const memory = std::aligned_alloc(step, (size + step - 1) / step * step)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::align_val_t) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
  std::free(memory);
}

namespace adit::path::test {
namespace {

/// A host that sends the same packet over and over.
class SteadyTun final : public PacketPort {
 public:
  net::IoResult read(MutableBytes arena, std::vector<net::TunPacket>& packets) override {
    net::IoResult result;
    while (wanted > 0 && result.count < net::kMostReads && arena.size() >= net::kLargestPacket + net::kReadSlack) {
      std::ranges::copy(packet.second, arena.begin());
      packets.push_back({packet.first, arena.first(packet.second.size())});
      arena = arena.subspan(packet.second.size() + net::kReadSlack);
      ++result.count;
      --wanted;
    }
    return result;
  }
  net::IoResult write(std::span<const offload::Delivery> deliveries, const Refused&) override {
    for (const auto& delivery : deliveries) written += delivery.packets;
    return {.count = deliveries.size()};
  }
  std::uint64_t take_truncated() override { return 0; }

  std::pair<offload::VirtioHeader, Buffer> packet;
  std::size_t wanted = 0;
  std::size_t written = 0;
};

/// A wire that holds what was sent in a place made for it beforehand.
class SteadyUdp final : public DatagramPort {
 public:
  net::IoResult receive(std::span<const MutableBytes> buffers, std::vector<Datagram>& datagrams) override {
    net::IoResult result;
    while (result.count < buffers.size() && taken_ < held_) {
      const Bytes datagram = Bytes(storage_).subspan(ends_[taken_], ends_[taken_ + 1] - ends_[taken_]);
      const auto buffer = buffers[result.count++].first(datagram.size());
      std::ranges::copy(datagram, buffer.begin());
      datagrams.push_back({{.remote = peer}, buffer});
      ++taken_;
    }
    if (taken_ == held_) taken_ = held_ = 0;
    return result;
  }
  net::SendResult send(const Path&, std::span<const OutboundDatagram> datagrams) override {
    for (const auto& datagram : datagrams) other->hold(datagram.bytes);
    return {.sent = datagrams.size()};
  }
  int send_whole(const Path&, const OutboundDatagram&) override { return 0; }
  net::LostDatagrams take_lost() override { return {}; }

  SteadyUdp* other = nullptr;
  Endpoint peer;

 private:
  void hold(Bytes datagram) {
    ASSERT_TRUE(held_ + 1 < ends_.size() && ends_[held_] + datagram.size() <= storage_.size());
    std::ranges::copy(datagram, storage_.begin() + static_cast<std::ptrdiff_t>(ends_[held_]));
    ends_[held_ + 1] = ends_[held_] + datagram.size();
    ++held_;
  }

  Buffer storage_ = Buffer(std::size_t{1} << 20);
  std::array<std::size_t, 4097> ends_{};
  std::size_t held_ = 0;
  std::size_t taken_ = 0;
};

/// The sessions are made over the usual ports; then the data paths begin anew on these.
class SteadyTraffic : public DataPathTest {
 protected:
  SteadyTraffic() {
    connect();
    const std::array<std::tuple<Host*, SteadyTun*, SteadyUdp*, SteadyUdp*>, 2> ends{
        {{&a_, &tun_a_, &udp_a_, &udp_b_}, {&b_, &tun_b_, &udp_b_, &udp_a_}}};
    for (const auto& [host, tun, udp, other] : ends) {
      udp->other = other;
      udp->peer = host->udp.peer;
      host->path.emplace(*host->tunnel, *host->aead, *tun, *udp, offload::MergeOptions{}, [](const auto&) {});
    }
  }

  /// One batch each way, and what it causes.
  void exchange(std::size_t packets) {
    for (auto* tun : {&tun_a_, &tun_b_}) tun->wanted = packets;
    for (bool busy = true; busy;) {
      busy = false;
      for (auto* host : {&a_, &b_}) {
        busy |= host->path->send(now_).count != 0;
        busy |= host->path->receive(now_).count != 0;
      }
    }
  }

  /// How often memory was taken for so many batches, once all buffers have grown.
  std::size_t allocations_for(std::size_t batches, std::size_t packets) {
    for (int i = 0; i < 10; ++i) exchange(packets);
    const auto before = allocations.load();
    for (std::size_t i = 0; i < batches; ++i) {
      now_ += std::chrono::milliseconds(1);  // within one session
      exchange(packets);
    }
    return allocations - before;
  }

  SteadyTun tun_a_;
  SteadyTun tun_b_;
  SteadyUdp udp_a_;
  SteadyUdp udp_b_;
};

std::pair<offload::VirtioHeader, Buffer> answer_to(std::pair<offload::VirtioHeader, Buffer> packet) {
  auto& bytes = packet.second;
  std::swap_ranges(bytes.begin() + 12, bytes.begin() + 16, bytes.begin() + 16);
  return packet;
}

TEST_F(SteadyTraffic, PacketsTakeNoMemory) {
  tun_a_.packet = {{}, packet(1, 1400)};
  tun_b_.packet = answer_to(tun_a_.packet);
  EXPECT_EQ(allocations_for(200, 50), 0u);
  EXPECT_EQ(tun_a_.written, 210u * 50u);
  EXPECT_EQ(tun_b_.written, 210u * 50u);
}

TEST_F(SteadyTraffic, SuperPacketsTakeNoMemory) {
  tun_a_.packet = super_packet(60'000, 1380);
  tun_b_.packet = answer_to(tun_a_.packet);
  EXPECT_EQ(allocations_for(200, 4), 0u);
  EXPECT_EQ(tun_b_.written, 210u * 4u * 44u);
}

TEST_F(SteadyTraffic, TheCountSeesWhatIsTaken) {
  const auto before = allocations.load();
  const auto taken = std::make_unique<int>(7);
  EXPECT_EQ(allocations, before + 1) << *taken;
}

}  // namespace
}  // namespace adit::path::test
