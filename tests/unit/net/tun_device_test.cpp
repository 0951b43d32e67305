// SPDX-License-Identifier: MIT
#include "net/tun_device.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <utility>
#include <vector>

#include "namespace.h"
#include "packets.h"

namespace adit::net {
namespace {

using test::in_namespace;
using test::run;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::Pair;

/// What was read.
struct Reads {
  explicit Reads(TunDevice& device, std::size_t room = 4 * kLargestPacket)
      : arena(room), result(device.read(arena, packets)) {}
  std::vector<std::uint8_t> arena;
  std::vector<TunPacket> packets;
  IoResult result;
};

std::vector<offload::Delivery> each_alone(std::initializer_list<Bytes> packets) {
  std::vector<offload::Delivery> deliveries;
  for (const auto packet : packets) deliveries.push_back({.virtio = {}, .pieces = {packet}});
  return deliveries;
}

TunDevice open_up(const std::string& name) {
  auto device = TunDevice::open({.name = name});
  if (!device) throw std::runtime_error(device.error().message);
  run("ip link set " + name + " addrgenmode none mtu 1420");  // before `up`: no packets of the kernel's own
  run("ip link set " + name + " up");
  run("ip addr add 10.9.0.1/24 dev " + name);
  return std::move(*device);
}

FileDescriptor udp_socket(std::uint16_t port = 0) {
  FileDescriptor fd(socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  EXPECT_EQ(bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  return fd;
}

/// A packet of `size` bytes leaves the host by way of the interface.
void send_out(const FileDescriptor& socket, std::size_t size) {
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(7);
  to.sin_addr.s_addr = htonl(0x0a090002);  // 10.9.0.2
  const std::vector<std::uint8_t> payload(size - 28, 0x55);
  ASSERT_EQ(sendto(socket.get(), payload.data(), payload.size(), 0, reinterpret_cast<sockaddr*>(&to), sizeof to),
            static_cast<ssize_t>(payload.size()));
}

/// IPv4 and UDP from 10.9.0.2 to 10.9.0.1:7000 with one byte of payload; the UDP checksum is left out.
std::vector<std::uint8_t> incoming_packet(std::uint8_t payload) {
  std::vector<std::uint8_t> packet{0x45, 0,  0, 29, 0, 0,    0,    0,    64,   17, 0, 0, 10, 9,      0,
                                   2,    10, 9, 0,  1, 0x12, 0x34, 0x1b, 0x58, 0,  9, 0, 0,  payload};
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < 20; i += 2) sum += load_be16(&packet[i]);
  sum = (sum & 0xffff) + (sum >> 16);
  store_be16(&packet[10], static_cast<std::uint16_t>(~sum));
  return packet;
}

TEST(TunDevice, ReadsABatchAndShrinksEachSpanToItsPacket) {
  in_namespace([] {
    auto device = open_up("tun-r");
    EXPECT_EQ(device.name(), "tun-r");
    EXPECT_GT(device.index(), 0u);
    EXPECT_FALSE(device.existed_before());
    EXPECT_EQ(Reads(device).result.count, 0u) << "nothing there is an empty batch";
    EXPECT_EQ(Reads(device).result.error, 0);

    const auto socket = udp_socket();
    for (const std::size_t size : {28u, 1420u, 100u}) send_out(socket, size);
    const Reads reads(device);
    ASSERT_EQ(reads.result.count, 3u);
    EXPECT_EQ(reads.result.error, 0);
    ASSERT_EQ(reads.packets.size(), 3u);
    EXPECT_EQ(reads.packets[0].bytes.size(), 28u);
    EXPECT_EQ(reads.packets[1].bytes.size(), 1420u);
    EXPECT_EQ(reads.packets[2].bytes.size(), 100u);
    EXPECT_EQ(reads.packets[1].bytes[0], 0x45) << "the packet starts with its IP header";
    EXPECT_EQ(reads.packets[1].bytes[1419], 0x55);
  });
}

TEST(TunDevice, LeavesForTheNextReadWhatTheArenaHasNoRoomFor) {
  in_namespace([] {
    auto device = open_up("tun-b");
    const auto socket = udp_socket();
    for (int i = 0; i < 5; ++i) send_out(socket, 1000);
    // Room for a packet of any size, and for two of these beside it.
    EXPECT_EQ(Reads(device, kLargestPacket + kReadSlack + 2 * 1088).result.count, 3u);
    EXPECT_EQ(Reads(device).result.count, 2u);
  });
}

TEST(TunDevice, ABatchHasABoundedNumberOfPackets) {
  in_namespace([] {
    auto device = open_up("tun-c");
    const auto socket = udp_socket();
    for (std::size_t i = 0; i < kMostReads + 5; ++i) send_out(socket, 50);
    EXPECT_EQ(Reads(device).result.count, kMostReads);
    EXPECT_EQ(Reads(device).result.count, 5u);
  });
}

TEST(TunDevice, BehindEachPacketThereIsRoomThatIsNobodyElses) {
  in_namespace([] {
    auto device = open_up("tun-a");
    const auto socket = udp_socket();
    for (const std::size_t size : {28u, 64u, 1420u, 100u}) send_out(socket, size);
    const Reads reads(device);
    ASSERT_EQ(reads.packets.size(), 4u);
    for (std::size_t i = 0; i + 1 < 4; ++i) {
      const auto* const end = reads.packets[i].bytes.data() + reads.packets[i].bytes.size();
      EXPECT_LE(end + kReadSlack, reads.packets[i + 1].bytes.data());
    }
    EXPECT_LE(reads.packets[3].bytes.data() + 100 + kReadSlack, reads.arena.data() + reads.arena.size());
  });
}

TEST(TunDevice, NeverDeliversAPacketThatMayHaveBeenCut) {
  in_namespace([] {
    auto device = open_up("tun-t");
    const auto socket = udp_socket();
    send_out(socket, 500);
    send_out(socket, 400);
    send_out(socket, 399);
    const Reads reads(device, 400 + kReadSlack);
    ASSERT_EQ(reads.packets.size(), 1u);
    EXPECT_EQ(reads.packets[0].bytes.size(), 399u);
    EXPECT_EQ(device.take_truncated(), 2u);
  });
}

TEST(TunDevice, WritesABatchToTheHost) {
  in_namespace([] {
    auto device = open_up("tun-w");
    const auto socket = udp_socket(7000);
    auto a = incoming_packet('a');
    auto b = incoming_packet('b');
    const auto result = device.write(each_alone({a, b}));
    EXPECT_EQ(result.count, 2u);
    EXPECT_EQ(result.error, 0);
    for (const char expected : {'a', 'b'}) {
      char byte = 0;
      pollfd ready{.fd = socket.get(), .events = POLLIN, .revents = 0};
      ASSERT_EQ(poll(&ready, 1, 5000), 1);
      ASSERT_EQ(recv(socket.get(), &byte, 1, 0), 1);
      EXPECT_EQ(byte, expected);
    }
  });
}

TEST(TunDevice, ARefusedPacketIsCountedAndDoesNotStopTheNext) {
  in_namespace([] {
    auto device = open_up("tun-x");
    const auto socket = udp_socket(7000);
    std::array<std::uint8_t, 20> garbage{};
    auto good = incoming_packet('g');
    const auto packets = each_alone({garbage, good, garbage});
    std::vector<std::pair<std::size_t, int>> refused;
    auto result = device.write(packets, [&](std::size_t place, int error) { refused.emplace_back(place, error); });
    EXPECT_EQ(result.count, 1u);
    EXPECT_EQ(result.error, EINVAL);
    EXPECT_THAT(refused, ElementsAre(Pair(0, EINVAL), Pair(2, EINVAL)));
    char byte = 0;
    EXPECT_EQ(recv(socket.get(), &byte, 1, 0), 1);

    run("ip link set tun-x down");
    result = device.write(packets);
    EXPECT_EQ(result.count, 0u);
    EXPECT_TRUE(result.error == EIO || result.error == EINVAL) << describe(result.error);
    EXPECT_EQ(device.write(each_alone({good})).error, EIO);
    EXPECT_FALSE(TunDevice::is_gone(EIO));
    EXPECT_EQ(Reads(device).result.error, 0) << "an interface that is down is only quiet";
  });
}

TEST(TunDevice, SaysWhenTheInterfaceWasDeleted) {
  in_namespace([] {
    auto device = open_up("tun-d");
    run("ip link del tun-d");
    const auto read = Reads(device).result;
    EXPECT_EQ(read.count, 0u);
    EXPECT_TRUE(TunDevice::is_gone(read.error)) << describe(read.error);
    auto packet = incoming_packet('x');
    const auto written = device.write(each_alone({packet, packet}));
    EXPECT_EQ(written.count, 0u);
    EXPECT_TRUE(TunDevice::is_gone(written.error)) << describe(written.error);
    pollfd ready{.fd = device.fd(), .events = POLLIN, .revents = 0};
    EXPECT_EQ(poll(&ready, 1, 0), 1) << "the loop hears of it";
    EXPECT_TRUE(ready.revents & POLLERR);
  });
}

TEST(TunDevice, TheInterfaceGoesWithTheDeviceUnlessItIsPersistent) {
  in_namespace([] {
    {
      const auto device = open_up("tun-g");
    }
    EXPECT_THAT(run("ip link"), Not(HasSubstr("tun-g")));

    for (const bool second : {false, true}) {
      const auto device = TunDevice::open({.name = "tun-p", .owner = 1234, .group = 2345, .persist = !second});
      ASSERT_TRUE(device) << device.error().message;
      EXPECT_EQ(device->existed_before(), second);
      const auto shown = run("ip -d link show tun-p; ip tuntap");
      EXPECT_THAT(shown, AllOf(HasSubstr("persist"), HasSubstr("user 1234"), HasSubstr("group 2345")));
    }
    EXPECT_THAT(run("ip link"), HasSubstr("tun-p")) << "somebody else made it persistent";
  });
}

TEST(TunDevice, RefusesTheOffloadsAnEarlierProgramLeftOn) {
  in_namespace([] {
    {
      const auto earlier = TunDevice::open({.name = "tun-o", .persist = true});
      ASSERT_TRUE(earlier) << earlier.error().message;
      ASSERT_EQ(ioctl(earlier->fd(), TUNSETOFFLOAD, static_cast<unsigned long>(TUN_F_CSUM | TUN_F_TSO4)), 0);
      ASSERT_THAT(run("ethtool -k tun-o"), HasSubstr("tcp-segmentation-offload: on"));
    }
    const auto device = TunDevice::open({.name = "tun-o", .offload = false});
    ASSERT_TRUE(device) << device.error().message;
    EXPECT_FALSE(device->offloads().tcp || device->offloads().udp);
    EXPECT_THAT(run("ethtool -k tun-o"), HasSubstr("tcp-segmentation-offload: off"));
  });
}

/// Some programs want two bytes more, which say into how many buffers a packet went.
TEST(TunDevice, WhateverHeaderAnEarlierProgramWantedOursIsTheOneInFront) {
  in_namespace([] {
    {
      auto earlier = TunDevice::open({.name = "tun-h", .persist = true});
      ASSERT_TRUE(earlier);
      int size = 12;
      ASSERT_EQ(ioctl(earlier->fd(), TUNSETVNETHDRSZ, &size), 0);
    }
    auto device = open_up("tun-h");
    send_out(udp_socket(), 100);
    const Reads reads(device);
    ASSERT_EQ(reads.packets.size(), 1u);
    EXPECT_EQ(reads.packets[0].bytes.size(), 100u);
    EXPECT_EQ(reads.packets[0].bytes[0], 0x45);
  });
}

TEST(TunDevice, LeavesAPersistentInterfaceWithoutOffloads) {
  in_namespace([] {
    {
      const auto device = TunDevice::open({.name = "tun-l", .persist = true});
      ASSERT_TRUE(device) << device.error().message;
      ASSERT_TRUE(device->offloads().tcp);
      EXPECT_THAT(run("ethtool -k tun-l"), HasSubstr("tcp-segmentation-offload: on"));
    }
    EXPECT_THAT(run("ethtool -k tun-l"), HasSubstr("tcp-segmentation-offload: off"));
  });
}

/// What the host sends through the interface: many datagrams of `size` bytes in one call (UDP_SEGMENT).
void send_segments(const FileDescriptor& socket, std::size_t size, std::size_t count) {
  const int segment = static_cast<int>(size);
  ASSERT_EQ(setsockopt(socket.get(), SOL_UDP, UDP_SEGMENT, &segment, sizeof segment), 0);
  send_out(socket, size * count + 28);
}

TEST(TunDevice, ReadsASuperPacketWithTheHeaderThatSaysHowToCutIt) {
  in_namespace([] {
    auto device = open_up("tun-s");
    const auto socket = udp_socket();
    send_segments(socket, 1000, 5);
    send_out(socket, 128);  // shorter than a segment
    const Reads reads(device);
    if (!device.offloads().udp) GTEST_SKIP() << "this kernel has no USO";
    ASSERT_EQ(reads.packets.size(), 2u);
    const auto& [virtio, bytes] = reads.packets[0];
    EXPECT_EQ(bytes.size(), 5028u);
    EXPECT_EQ(virtio.gso_type, static_cast<std::uint8_t>(offload::GsoType::udp));
    EXPECT_EQ(virtio.segment_size, 1000u);
    EXPECT_EQ(virtio.flags, offload::VirtioHeader::kNeedsChecksum);
    EXPECT_EQ(virtio.checksum_start, 20u);
    EXPECT_EQ(reads.packets[1].virtio.gso_type, 0u);
    EXPECT_EQ(reads.packets[1].bytes.size(), 128u);
  });
}

TEST(TunDevice, WithoutOffloadTheHostCutsItself) {
  in_namespace([] {
    auto device = TunDevice::open({.name = "tun-n", .offload = false}).value();
    run("ip link set tun-n addrgenmode none mtu 1420; ip link set tun-n up; ip addr add 10.9.0.1/24 dev tun-n");
    const auto socket = udp_socket();
    send_segments(socket, 1000, 5);
    const Reads reads(device);
    ASSERT_EQ(reads.packets.size(), 5u);
    for (std::size_t i = 0; i < 5; ++i) {
      EXPECT_EQ(reads.packets[i].bytes.size(), 1028u);
      EXPECT_EQ(reads.packets[i].virtio, offload::VirtioHeader{});
    }
  });
}

TEST(TunDevice, WritesAMergedPacketFromItsPieces) {
  in_namespace([] {
    auto device = open_up("tun-m");
    if (!device.offloads().udp) GTEST_SKIP() << "this kernel has no USO";
    const auto socket = udp_socket(7000);
    offload::test::Recipe recipe{.tcp = false,
                                 .v4_addresses = {10, 9, 0, 2, 10, 9, 0, 1},
                                 .source_port = 5,
                                 .destination_port = 7000,
                                 .payload = {}};
    std::vector<std::vector<std::uint8_t>> packets;
    for (std::uint8_t i = 0; i < 3; ++i) {
      recipe.payload.assign(i == 2 ? 50 : 100, i);
      packets.push_back(offload::test::build(recipe));
    }
    const std::vector<MutableBytes> spans(packets.begin(), packets.end());
    offload::Merger merger({});
    const auto deliveries = merger.merge(spans);
    ASSERT_EQ(deliveries.size(), 1u);
    EXPECT_EQ(device.write(deliveries).count, 1u);
    for (std::uint8_t i = 0; i < 3; ++i) {
      std::array<std::uint8_t, 200> received{};
      ASSERT_EQ(recv(socket.get(), received.data(), received.size(), 0), i == 2 ? 50 : 100);
      EXPECT_EQ(received[0], i);
    }
  });
}

TEST(TunDevice, OneThatWasThereBeforeStaysPersistentWhateverIsChanged) {
  in_namespace([] {
    run("ip tuntap add dev tun-w mode tun");
    {
      auto device = TunDevice::open({.name = "tun-w"}).value();
      EXPECT_TRUE(device.change({.name = "tun-w"}));
    }
    EXPECT_THAT(run("ip link"), HasSubstr("tun-w"));
    const auto go_on = [](bool existed_before) {
      FileDescriptor handed(fcntl(TunDevice::open({.name = "tun-w"}).value().fd(), F_DUPFD_CLOEXEC, 0));
      const auto device =
          TunDevice::adopt(std::move(handed), {}, {.name = "tun-w"}, {.existed_before = existed_before});
      ASSERT_TRUE(device) << device.error().message;
      EXPECT_EQ(device->existed_before(), existed_before);
    };
    go_on(true);
    EXPECT_THAT(run("ip link"), HasSubstr("tun-w")) << "the run that follows knows it, too";
    go_on(false);
    EXPECT_THAT(run("ip link"), Not(HasSubstr("tun-w"))) << "our own goes";
  });
}

TEST(TunDevice, OneThatNobodyGoesOnWithIsNotInTheWayOfAnother) {
  in_namespace([] {
    // The last is elsewhere: in the namespace of the test's program.
    for (const auto& wanted :
         {TunOptions{.name = "tun-x", .persist = true}, TunOptions{.name = "tun-w", .frames = true, .persist = true},
          TunOptions{.name = "tun-w", .persist = true, .netns = "/proc/self/ns/net"}}) {
      for (const bool existed_before : {true, false}) {
        FileDescriptor handed(
            fcntl(TunDevice::open({.name = "tun-w", .persist = true}).value().fd(), F_DUPFD_CLOEXEC, 0));
        EXPECT_FALSE(TunDevice::adopt(std::move(handed), {}, wanted, {.existed_before = existed_before}));
        const auto there = run("ip link");
        EXPECT_EQ(there.find("tun-w") != std::string::npos, existed_before) << there;
      }
    }
  });
}

TEST(TunDevice, ChangesWhatCanChangeWhileItIsOpen) {
  in_namespace([] {
    auto device = open_up("tun-v");
    const auto change = [&](const TunOptions& options) {
      const auto done = device.change(options);
      EXPECT_TRUE(done) << done.error().message;
      return run("ip -d link show tun-v; ip tuntap; ethtool -k tun-v");
    };
    EXPECT_THAT(change({.name = "tun-v", .owner = 1234, .group = 2345, .persist = true, .offload = false}),
                AllOf(HasSubstr("persist on"), HasSubstr("user 1234"), HasSubstr("group 2345"),
                      HasSubstr("tcp-segmentation-offload: off")));
    EXPECT_FALSE(device.offloads().tcp);
    EXPECT_THAT(change({.name = "tun-v"}), AllOf(HasSubstr("persist off"), Not(HasSubstr("1234")),
                                                 Not(HasSubstr("2345")), HasSubstr("tcp-segmentation-offload: on")));
    EXPECT_TRUE(device.offloads().tcp);
  });
}

/// Of a process in the same namespace it is said which one it is (tests/netns/test_netns.py): this one only has a
/// thread in there.
TEST(TunDevice, ASecondUserOfTheNameIsToldHowToFindWhoIsInTheWay) {
  in_namespace([] {
    const auto first = TunDevice::open({.name = "tun-2"});
    ASSERT_TRUE(first) << first.error().message;
    const auto second = TunDevice::open({.name = "tun-2"});
    ASSERT_FALSE(second);
    EXPECT_THAT(second.error().message, AllOf(HasSubstr("another program, perhaps a second aditd, has the interface"),
                                              HasSubstr("grep -ls 'iff:.tun-2$' /proc/[0-9]*/fdinfo/*")));
  });
}

/// As /proc/4711/ns/net is when 4711 is one of the host's processes by now.
TEST(TunDevice, OurOwnNetworkNamespaceIsNoneToPutTheInterfaceInto) {
  in_namespace([] {
    const auto device = TunDevice::open({.name = "tun-o", .netns = "/proc/thread-self/ns/net"});
    ASSERT_FALSE(device);
    EXPECT_THAT(device.error().message, AllOf(HasSubstr("/proc/thread-self/ns/net (interface.netns) is the network "
                                                        "namespace that aditd itself is in"),
                                              HasSubstr("leave netns out")));
    EXPECT_THAT(run("ip link"), Not(HasSubstr("tun-o")));
  });
}

TEST(TunDevice, ANameOfAnotherKindOfInterfaceIsRefused) {
  in_namespace([] {
    run("ip link add veth-k type veth peer name veth-l");
    run("ip tuntap add dev tap-k mode tap");
    for (const auto* name : {"veth-k", "tap-k", "lo"}) {
      const auto device = TunDevice::open({.name = name});
      ASSERT_FALSE(device) << name;
      EXPECT_THAT(device.error().message, AllOf(HasSubstr("not a TUN interface"), HasSubstr("interface.name")));
    }
    EXPECT_THAT(TunDevice::open({.name = "a b"}).error().message, HasSubstr("does not take a b"));
    EXPECT_THAT(TunDevice::open({.name = "sixteen-bytes-xx"}).error().message, HasSubstr("1 to 15 bytes"));
    EXPECT_FALSE(TunDevice::open({.name = ""}));
  });
}

TEST(TunDevice, WithoutTheCapabilityTheMendIsNamed) {
  in_namespace([] {
    test::drop_capabilities();
    const auto device = TunDevice::open({.name = "tun-e"});
    ASSERT_FALSE(device);
    EXPECT_THAT(device.error().message, AllOf(HasSubstr("CAP_NET_ADMIN"), HasSubstr("systemctl start adit@")));
  });
}

TEST(TunDevice, WithoutTheDeviceNodeTheMendIsNamed) {
  const auto missing = TunDevice::open({.name = "tun-m", .device_path = "/nonexistent/tun"});
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error().message, AllOf(HasSubstr("/nonexistent/tun"), HasSubstr("modprobe tun")));
  const auto wrong = TunDevice::open({.name = "tun-m", .device_path = "/dev/null"});
  ASSERT_FALSE(wrong);
  EXPECT_THAT(wrong.error().message, HasSubstr("cannot make the interface tun-m"));
}

}  // namespace
}  // namespace adit::net
