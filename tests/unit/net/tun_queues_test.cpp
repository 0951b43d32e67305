// SPDX-License-Identifier: MIT
// A TUN interface with several queues: which flows are where, who may have it, and what becomes of it.
#include "net/tun_queues.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <map>
#include <set>
#include <stdexcept>

#include "namespace.h"
#include "net/tun_device.h"
#include "packets.h"

namespace adit::net {
namespace {

using test::in_namespace;
using test::run;
using testing::HasSubstr;

constexpr std::size_t kFlows = 16;
constexpr std::uint16_t kFirstPort = 7000;

TunDevice open_up(const TunOptions& options) {
  auto device = TunDevice::open(options);
  if (!device) throw std::runtime_error(device.error().message);
  run("ip link set " + options.name + " addrgenmode none mtu 1420");  // before `up`: no packets of the kernel's own
  run("ip link set " + options.name + " up");
  run("ip addr add 10.9.0.1/24 dev " + options.name);
  return std::move(*device);
}

/// So many UDP sockets of the host's, each of which is a flow with 10.9.0.2:7.
class Flows {
 public:
  Flows() {
    for (std::size_t i = 0; i < kFlows; ++i) {
      sockets_.emplace_back(socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
      const auto address = address_of(0x0a090001, static_cast<std::uint16_t>(kFirstPort + i));
      EXPECT_EQ(bind(sockets_.back().get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    }
  }
  void send() {
    const auto to = address_of(0x0a090002, 7);
    for (const auto& socket : sockets_) {
      EXPECT_EQ(sendto(socket.get(), "x", 1, 0, reinterpret_cast<const sockaddr*>(&to), sizeof to), 1);
    }
  }
  /// Each is sent a datagram by 10.9.0.2:7.
  static void answer(TunDevice& device) {
    for (std::size_t i = 0; i < kFlows; ++i) {
      const auto packet = offload::test::build({.tcp = false,
                                                .v4_addresses = {10, 9, 0, 2, 10, 9, 0, 1},
                                                .source_port = 7,
                                                .destination_port = static_cast<std::uint16_t>(kFirstPort + i),
                                                .payload = {1, 2, 3}});
      const offload::Delivery delivery{.virtio = {}, .pieces = {packet}};
      EXPECT_EQ(device.write({&delivery, 1}).count, 1U);
    }
  }
  std::size_t answered() {
    std::size_t count = 0;
    std::array<char, 16> bytes{};
    for (const auto& socket : sockets_) count += recv(socket.get(), bytes.data(), bytes.size(), 0) == 3 ? 1 : 0;
    return count;
  }

 private:
  static sockaddr_in address_of(std::uint32_t address, std::uint16_t port) {
    sockaddr_in result{};
    result.sin_family = AF_INET;
    result.sin_addr.s_addr = htonl(address);
    result.sin_port = htons(port);
    return result;
  }
  std::vector<FileDescriptor> sockets_;
};

/// The queue that each flow, by its port, has a packet in.
std::map<int, std::size_t> places(TunDevice& device) {
  std::map<int, std::size_t> result;
  std::vector<std::uint8_t> arena(4 * kLargestPacket);
  for (std::size_t queue = 0; queue < device.queues(); ++queue) {
    std::vector<TunPacket> packets;
    EXPECT_EQ(device.read(arena, packets, queue).error, 0);
    for (const auto& packet : packets) {
      EXPECT_TRUE(result.emplace(load_be16(packet.bytes.data() + 20), queue).second);
    }
  }
  return result;
}

std::size_t queues_in(const std::map<int, std::size_t>& places) {
  std::set<std::size_t> queues;
  for (const auto& [port, queue] : places) queues.insert(queue);
  return queues.size();
}

TEST(TunQueues, AFlowStaysInItsQueueWhoeverAnswersIt) {
  in_namespace([] {
    auto device = open_up({.name = "tun-m", .queues = 3});
    ASSERT_EQ(device.queues(), 3U);
    Flows flows;
    flows.send();
    const auto before = places(device);
    EXPECT_EQ(before.size(), kFlows);
    EXPECT_GT(queues_in(before), 1U);
    Flows::answer(device);
    EXPECT_EQ(flows.answered(), kFlows);
    flows.send();
    EXPECT_EQ(places(device), before);
  });
}

TEST(TunQueues, ANextRunGoesOnWithAllOfThem) {
  in_namespace([] {
    const TunOptions options{.name = "tun-m", .queues = 4};
    auto first = open_up(options);
    Flows flows;
    flows.send();
    auto fd = first.release();
    auto [queues, writer] = first.release_queues();
    EXPECT_EQ(queues.size(), 3U);
    ASSERT_TRUE(writer);
    queues.insert(queues.begin() + 1, std::move(writer));  // in whatever order they come
    auto next = TunDevice::adopt(std::move(fd), std::move(queues), options, {});
    ASSERT_TRUE(next) << next.error().message;
    EXPECT_EQ(next->queues(), 4U);
    EXPECT_TRUE(next->has_writer());
    const auto before = places(*next);
    EXPECT_EQ(before.size(), kFlows) << "what waited is there";
    Flows::answer(*next);
    EXPECT_EQ(flows.answered(), kFlows);
    flows.send();
    EXPECT_EQ(places(*next), before);
  });
}

/// Whichever of those that are read it takes, and while somebody still has the one that is written by.
TEST(TunQueues, ARunThatKnowsNoQueuesGoesOnWithOne) {
  in_namespace([] {
    auto first = open_up({.name = "tun-m", .queues = 4});
    first.release();  // closed
    auto [queues, writer] = first.release_queues();
    auto fd = std::move(queues[1]);
    queues.clear();
    auto next = TunDevice::adopt(std::move(fd), {}, {.name = "tun-m"}, {});
    ASSERT_TRUE(next) << next.error().message;
    EXPECT_EQ(next->queues(), 1U);
    Flows flows;
    flows.send();
    EXPECT_EQ(places(*next).size(), kFlows);
    Flows::answer(*next);
    EXPECT_EQ(flows.answered(), kFlows);
  });
}

TEST(TunQueues, AnInterfaceThatIsThereIsTakenAsItWasMade) {
  in_namespace([] {
    run("ip tuntap add dev tun-1 mode tun");
    run("ip tuntap add dev tun-m mode tun multi_queue");
    const auto single = TunDevice::open({.name = "tun-1", .queues = 3});
    ASSERT_TRUE(single) << single.error().message;
    EXPECT_EQ(single->queues(), 1U);
    {
      const auto one = TunDevice::open({.name = "tun-m"});
      ASSERT_TRUE(one) << one.error().message;
      EXPECT_EQ(one->queues(), 1U);
    }
    const auto several = TunDevice::open({.name = "tun-m", .queues = 3});
    ASSERT_TRUE(several) << several.error().message;
    EXPECT_EQ(several->queues(), 3U);
  });
}

/// The kernel would let them, and each would get some of the packets.
TEST(TunQueues, TwoDoNotShareAnInterface) {
  in_namespace([] {
    const auto first = open_up({.name = "tun-m", .queues = 2});
    for (const std::size_t queues : {1, 2}) {
      const auto second = TunDevice::open({.name = "tun-m", .queues = queues});
      ASSERT_FALSE(second);
      EXPECT_THAT(second.error().message, HasSubstr("has the interface tun-m"));
    }
  });
}

TEST(TunQueues, WithOneNothingIsMadeForOthers) {
  in_namespace([] {
    auto device = open_up({.name = "tun-1"});
    EXPECT_EQ(device.queues(), 1U);
    EXPECT_FALSE(device.has_writer());
    EXPECT_THAT(run("ip -d link show tun-1"), testing::Not(HasSubstr("multi_queue")));
  });
}

TEST(TunQueues, FramesHaveThemToo) {
  in_namespace([] {
    auto device = open_up({.name = "tap-m", .frames = true, .queues = 2});
    EXPECT_EQ(device.queues(), 2U);
    run("ip neigh add 10.9.0.2 lladdr 02:00:00:00:00:02 dev tap-m");
    Flows flows;
    flows.send();
    std::vector<std::uint8_t> arena(4 * kLargestPacket);
    std::vector<TunPacket> packets;
    for (std::size_t queue = 0; queue < 2; ++queue) device.read(arena, packets, queue);
    EXPECT_EQ(packets.size(), kFlows);
  });
}

}  // namespace
}  // namespace adit::net
