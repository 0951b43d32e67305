// SPDX-License-Identifier: MIT
#include "net/tun_device.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/if_tun.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <vector>

#include "net/namespace.h"

namespace adit::net {
namespace {

using test::in_namespace;
using test::run;
using testing::AllOf;
using testing::HasSubstr;

constexpr std::size_t kBufferSize = 2048;

struct Buffers {
  explicit Buffers(std::size_t count, std::size_t size = kBufferSize)
      : storage(count, std::vector<std::uint8_t>(size)) {
    for (auto& buffer : storage) spans.emplace_back(buffer);
  }
  std::vector<std::vector<std::uint8_t>> storage;
  std::vector<MutableBytes> spans;
};

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
    Buffers buffers(4);
    EXPECT_EQ(device.read(buffers.spans).count, 0u) << "nothing there is an empty batch";
    EXPECT_EQ(device.read(buffers.spans).error, 0);

    const auto socket = udp_socket();
    for (const std::size_t size : {28u, 1420u, 100u}) send_out(socket, size);
    const auto result = device.read(buffers.spans);
    ASSERT_EQ(result.count, 3u);
    EXPECT_EQ(result.error, 0);
    EXPECT_EQ(buffers.spans[0].size(), 28u);
    EXPECT_EQ(buffers.spans[1].size(), 1420u);
    EXPECT_EQ(buffers.spans[2].size(), 100u);
    EXPECT_EQ(buffers.spans[3].size(), kBufferSize) << "unused spans stay whole";
    EXPECT_EQ(buffers.spans[1][0], 0x45) << "the packet starts with its IP header";
    EXPECT_EQ(buffers.spans[1][1419], 0x55);
  });
}

TEST(TunDevice, LeavesForTheNextReadWhatDoesNotFitIntoTheBatch) {
  in_namespace([] {
    auto device = open_up("tun-b");
    const auto socket = udp_socket();
    for (int i = 0; i < 5; ++i) send_out(socket, 100);
    Buffers first(3);
    Buffers second(3);
    EXPECT_EQ(device.read(first.spans).count, 3u);
    EXPECT_EQ(device.read(second.spans).count, 2u);
  });
}

TEST(TunDevice, NeverDeliversAPacketThatMayHaveBeenCut) {
  in_namespace([] {
    auto device = open_up("tun-t");
    const auto socket = udp_socket();
    send_out(socket, 500);
    send_out(socket, 400);
    send_out(socket, 399);
    Buffers buffers(3, 400);
    ASSERT_EQ(device.read(buffers.spans).count, 1u);
    EXPECT_EQ(buffers.spans[0].size(), 399u);
    EXPECT_EQ(device.truncated(), 2u);
  });
}

TEST(TunDevice, WritesABatchToTheHost) {
  in_namespace([] {
    auto device = open_up("tun-w");
    const auto socket = udp_socket(7000);
    auto a = incoming_packet('a');
    auto b = incoming_packet('b');
    const std::array<MutableBytes, 2> packets{a, b};
    const auto result = device.write(packets);
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
    const std::array<MutableBytes, 3> packets{garbage, good, garbage};
    auto result = device.write(packets);
    EXPECT_EQ(result.count, 1u);
    EXPECT_EQ(result.error, EINVAL);
    char byte = 0;
    EXPECT_EQ(recv(socket.get(), &byte, 1, 0), 1);

    run("ip link set tun-x down");
    result = device.write(packets);
    EXPECT_EQ(result.count, 0u);
    EXPECT_TRUE(result.error == EIO || result.error == EINVAL) << describe(result.error);
    const std::array<MutableBytes, 1> only{good};
    EXPECT_EQ(device.write(only).error, EIO);
    EXPECT_FALSE(TunDevice::is_gone(EIO));
    Buffers buffers(1);
    EXPECT_EQ(device.read(buffers.spans).error, 0) << "an interface that is down is only quiet";
  });
}

TEST(TunDevice, SaysWhenTheInterfaceWasDeleted) {
  in_namespace([] {
    auto device = open_up("tun-d");
    run("ip link del tun-d");
    Buffers buffers(2);
    const auto read = device.read(buffers.spans);
    EXPECT_EQ(read.count, 0u);
    EXPECT_TRUE(TunDevice::is_gone(read.error)) << describe(read.error);
    auto packet = incoming_packet('x');
    const std::array<MutableBytes, 2> packets{packet, packet};
    const auto written = device.write(packets);
    EXPECT_EQ(written.count, 0u);
    EXPECT_TRUE(TunDevice::is_gone(written.error)) << describe(written.error);
    pollfd ready{.fd = device.fd(), .events = POLLIN, .revents = 0};
    EXPECT_EQ(poll(&ready, 1, 0), 1) << "the loop hears of it";
    EXPECT_TRUE(ready.revents & POLLERR);
  });
}

TEST(TunDevice, TheInterfaceGoesWithTheDeviceUnlessItIsPersistent) {
  in_namespace([] {
    { const auto device = open_up("tun-g"); }
    EXPECT_THAT(run("ip link"), Not(HasSubstr("tun-g")));

    for (const bool second : {false, true}) {
      const auto device = TunDevice::open({.name = "tun-p", .owner = 1234, .group = 2345, .persist = !second});
      ASSERT_TRUE(device) << device.error().message;
      EXPECT_EQ(device->existed_before(), second);
      const auto shown = run("ip -d link show tun-p; ip tuntap");
      EXPECT_THAT(shown, AllOf(HasSubstr("persist"), HasSubstr("user 1234"), HasSubstr("group 2345")));
      EXPECT_THAT(shown, Not(HasSubstr("vnet_hdr on")));
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
    const auto device = TunDevice::open({.name = "tun-o"});
    ASSERT_TRUE(device) << device.error().message;
    EXPECT_THAT(run("ethtool -k tun-o"), HasSubstr("tcp-segmentation-offload: off"));
  });
}

TEST(TunDevice, ASecondUserOfTheNameIsToldWhoIsInTheWay) {
  in_namespace([] {
    const auto first = TunDevice::open({.name = "tun-2"});
    ASSERT_TRUE(first) << first.error().message;
    const auto second = TunDevice::open({.name = "tun-2"});
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().message,
              "another program, perhaps a second aditd, has the interface tun-2: stop it, or choose another "
              "interface.name");
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
    EXPECT_THAT(device.error().message, AllOf(HasSubstr("CAP_NET_ADMIN"), HasSubstr("setcap cap_net_admin+ep")));
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
