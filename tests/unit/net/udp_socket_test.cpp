// SPDX-License-Identifier: MIT
#include "net/udp_socket.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>
#include <vector>

#include "net/namespace.h"

namespace adit::net {
namespace {

using test::in_namespace;
using test::run;
using testing::AllOf;
using testing::HasSubstr;

IpAddress address(const char* text) {
  return IpAddress::parse(text).value();
}

UdpSocket open(const UdpOptions& options) {
  auto socket = UdpSocket::open(options);
  if (!socket) throw std::runtime_error(socket.error().message);
  return std::move(*socket);
}

Path path_to(const char* remote, std::uint16_t port) {
  return {.remote = {address(remote), port}, .local = {}};
}

std::vector<OutboundDatagram> to_send(std::initializer_list<Bytes> each) {
  std::vector<OutboundDatagram> datagrams;
  for (const auto bytes : each) datagrams.push_back({bytes});
  return datagrams;
}

SendResult send(UdpSocket& socket, const Path& path, std::string_view text) {
  const OutboundDatagram datagram{as_bytes(text)};
  return socket.send(path, {&datagram, 1});
}

/// Buffers for a batch, handed in whole each time.
class Inbox {
 public:
  explicit Inbox(std::size_t count = 4, std::size_t size = kMaxDatagram)
      : storage_(count, std::vector<std::uint8_t>(size)) {}

  /// Waits for something to be there, then receives once.
  IoResult receive(UdpSocket& socket) {
    pollfd ready{.fd = socket.fd(), .events = POLLIN, .revents = 0};
    EXPECT_EQ(poll(&ready, 1, 5000), 1);
    datagrams.clear();
    const std::vector<MutableBytes> buffers(storage_.begin(), storage_.end());
    return socket.receive(buffers, datagrams);
  }
  std::string text(std::size_t i) const {
    return {reinterpret_cast<const char*>(datagrams[i].bytes.data()), datagrams[i].bytes.size()};
  }

  std::vector<Datagram> datagrams;

 private:
  std::vector<std::vector<std::uint8_t>> storage_;
};

class UdpSocketOf : public testing::TestWithParam<const char*> {
 protected:
  const char* loopback() const { return GetParam(); }
  Family family() const { return address(loopback()).family(); }
};

INSTANTIATE_TEST_SUITE_P(BothFamilies, UdpSocketOf, testing::Values("127.0.0.1", "::1"),
                         [](const auto& tested) { return tested.param[0] == '1' ? "IPv4" : "IPv6"; });

TEST_P(UdpSocketOf, DeliversABatchWithItsPathAndAnAnswerComesFromTheAddressThatWasCalled) {
  auto server = open({.family = family()});
  auto client = open({.family = family()});
  EXPECT_NE(server.local_port(), 0);
  Inbox inbox;

  const auto datagrams = to_send({as_bytes("one"), as_bytes(""), as_bytes("three")});
  const auto sent = client.send(path_to(loopback(), server.local_port()), datagrams);
  EXPECT_EQ(sent.sent, 3u);
  EXPECT_EQ(sent.error, 0);
  ASSERT_EQ(inbox.receive(server).count, 3u);
  EXPECT_EQ(inbox.text(0), "one");
  EXPECT_EQ(inbox.text(1), "");
  EXPECT_EQ(inbox.text(2), "three");
  const auto path = inbox.datagrams[0].path;
  EXPECT_EQ(path.remote, (Endpoint{address(loopback()), client.local_port()}));
  EXPECT_EQ(path.local, address(loopback()));
  EXPECT_EQ(path.interface, 1u);

  EXPECT_EQ(send(server, path, "answer").sent, 1u);
  ASSERT_EQ(inbox.receive(client).count, 1u);
  EXPECT_EQ(inbox.text(0), "answer");
  EXPECT_EQ(inbox.datagrams[0].path.remote, (Endpoint{address(loopback()), server.local_port()}));
}

TEST_P(UdpSocketOf, NothingThereIsAnEmptyBatch) {
  auto socket = open({.family = family()});
  std::vector<std::uint8_t> buffer(kMaxDatagram);
  const MutableBytes buffers = buffer;
  std::vector<Datagram> datagrams;
  const auto result = socket.receive({&buffers, 1}, datagrams);
  EXPECT_EQ(result.count, 0u);
  EXPECT_EQ(result.error, 0);
  EXPECT_EQ(socket.receive({}, datagrams).count, 0u);
  EXPECT_TRUE(datagrams.empty());
}

TEST_P(UdpSocketOf, TheLargestDatagramArrivesWholeAndALargerOneIsRefusedAlone) {
  auto server = open({.family = family()});
  auto client = open({.family = family()});
  const std::size_t largest = family() == Family::v4 ? 65'507 : 65'527;
  const std::vector<std::uint8_t> fits(largest, 0xab);
  const std::vector<std::uint8_t> too_big(largest + 1, 0xcd);
  const auto datagrams = to_send({as_bytes("a"), too_big, fits, as_bytes("b")});

  const auto sent = client.send(path_to(loopback(), server.local_port()), datagrams);
  EXPECT_EQ(sent.sent, 3u);
  EXPECT_EQ(sent.refused, 1u);
  EXPECT_EQ(sent.error, EMSGSIZE);
  Inbox inbox;
  ASSERT_EQ(inbox.receive(server).count, 3u);
  EXPECT_EQ(inbox.text(0), "a");
  EXPECT_TRUE(std::ranges::equal(inbox.datagrams[1].bytes, fits));
  EXPECT_EQ(inbox.text(2), "b");
}

TEST_P(UdpSocketOf, ATruncatedDatagramIsCountedAndItsNeighboursAreDelivered) {
  auto server = open({.family = family()});
  auto client = open({.family = family()});
  const auto datagrams =
      to_send({as_bytes("0123456789x"), as_bytes("first"), as_bytes("much too long"), as_bytes("last")});
  ASSERT_EQ(client.send(path_to(loopback(), server.local_port()), datagrams).sent, 4u);
  Inbox small(4, 10);
  ASSERT_EQ(small.receive(server).count, 2u);
  EXPECT_EQ(small.text(0), "first");
  EXPECT_EQ(small.text(1), "last");
  EXPECT_EQ(server.truncated(), 2u);
}

TEST_P(UdpSocketOf, MoreThanOneSystemCallsWorthIsSentInOneGo) {
  auto server = open({.family = family()});
  auto client = open({.family = family()});
  const std::vector<OutboundDatagram> datagrams(150, {as_bytes("x")});
  EXPECT_EQ(client.send(path_to(loopback(), server.local_port()), datagrams).sent, 150u);
  Inbox inbox(200, 100);
  std::size_t received = 0;
  while (received < 150) received += inbox.receive(server).count;
  EXPECT_EQ(received, 150u);
}

/// Datagrams one behind the other in memory, as the transmitter lays them out; filled with their number.
struct Row {
  explicit Row(const std::vector<std::size_t>& sizes) {
    std::size_t total = 0;
    for (const auto size : sizes) total += size;
    bytes.resize(total);
    MutableBytes rest = bytes;
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      std::ranges::fill(rest.first(sizes[i]), static_cast<std::uint8_t>(i));
      datagrams.push_back({rest.first(sizes[i])});
      rest = rest.subspan(sizes[i]);
    }
  }
  std::vector<std::uint8_t> bytes;
  std::vector<OutboundDatagram> datagrams;
};

void expect_the_same(const std::vector<Datagram>& received, const Row& row) {
  ASSERT_EQ(received.size(), row.datagrams.size());
  for (std::size_t i = 0; i < received.size(); ++i) {
    EXPECT_TRUE(std::ranges::equal(received[i].bytes, row.datagrams[i].bytes)) << i;
  }
}

TEST_P(UdpSocketOf, RunsOfOneSizeTravelAsOneAndArriveAsTheyWere) {
  auto server = open({.family = family()});
  auto client = open({.family = family()});
  ASSERT_TRUE(client.segments() && server.merges());
  const auto path = path_to(loopback(), server.local_port());
  for (const auto& sizes : {std::vector<std::size_t>(200, 300), std::vector<std::size_t>{100, 100, 40, 100, 30, 20, 20},
                            std::vector<std::size_t>{1, 2, 3, 2, 2, 1}, std::vector<std::size_t>(60, 1400)}) {
    const Row row(sizes);
    EXPECT_EQ(client.send(path, row.datagrams).sent, sizes.size());
    Inbox inbox(1);
    std::vector<Datagram> received;
    std::vector<std::vector<std::uint8_t>> copies;
    std::size_t calls = 0;
    while (copies.size() < sizes.size()) {
      inbox.receive(server);
      ++calls;
      for (const auto& datagram : inbox.datagrams) copies.emplace_back(datagram.bytes.begin(), datagram.bytes.end());
    }
    for (auto& copy : copies) received.push_back({{}, copy});
    expect_the_same(received, row);
    EXPECT_LT(calls, sizes.size()) << "nothing travelled together";
  }
  EXPECT_TRUE(client.segments());
}

TEST_P(UdpSocketOf, WithoutOffloadEachDatagramTravelsAlone) {
  auto server = open({.family = family(), .offload = false});
  auto client = open({.family = family(), .offload = false});
  EXPECT_FALSE(client.segments() || server.merges());
  const Row row(std::vector<std::size_t>(10, 100));
  EXPECT_EQ(client.send(path_to(loopback(), server.local_port()), row.datagrams).sent, 10u);
  Inbox inbox(16);
  EXPECT_EQ(inbox.receive(server).count, 10u);
  expect_the_same(inbox.datagrams, row);
}

TEST_P(UdpSocketOf, SegmentsSentToASocketThatDoesNotMergeArriveOneByOne) {
  auto server = open({.family = family(), .offload = false});
  auto client = open({.family = family()});
  const Row row(std::vector<std::size_t>(10, 100));
  EXPECT_EQ(client.send(path_to(loopback(), server.local_port()), row.datagrams).sent, 10u);
  Inbox inbox(16);
  EXPECT_EQ(inbox.receive(server).count, 10u);
  expect_the_same(inbox.datagrams, row);
}

TEST(UdpSocket, WhereSegmentationIsRefusedTheSameDatagramsGoOneByOneAndItIsNotTriedAgain) {
  in_namespace([] {
    run("ip link set lo mtu 1300");  // segments must fit the path; plain datagrams may be fragmented
    for (const auto* loopback : {"127.0.0.1", "::1"}) {
      auto server = open({.family = address(loopback).family()});
      auto client = open({.family = address(loopback).family()});
      const auto path = path_to(loopback, server.local_port());
      const Row row(std::vector<std::size_t>(10, 1400));
      const auto result = client.send(path, row.datagrams);
      EXPECT_EQ(result.sent, 10u);
      EXPECT_EQ(result.refused, 0u);
      EXPECT_EQ(result.error, 0);
      EXPECT_TRUE(result.segmentation_refused);
      EXPECT_FALSE(client.segments());
      Inbox inbox(16);
      EXPECT_EQ(inbox.receive(server).count, 10u);
      expect_the_same(inbox.datagrams, row);
      EXPECT_FALSE(client.send(path, row.datagrams).segmentation_refused) << "said once";

      client.try_segmentation_again();
      EXPECT_TRUE(client.segments());
    }
  });
}

TEST(UdpSocket, ADatagramRefusedForItsOwnSakeDoesNotEndSegmentation) {
  in_namespace([] {
    run("nft 'add table ip t; add chain ip t out { type filter hook output priority 0; }; "
        "add rule ip t out udp dport 9 drop'; ip route add unreachable 203.0.113.0/24");
    auto client = open({.family = Family::v4});
    const Row row(std::vector<std::size_t>(10, 1400));
    for (const auto& path : {path_to("127.0.0.1", 9), path_to("203.0.113.1", 1)}) {
      const auto result = client.send(path, row.datagrams);
      EXPECT_EQ(result.refused, 10u) << describe(result.error);
      EXPECT_TRUE(client.segments());
    }
  });
}

TEST_P(UdpSocketOf, TheTrafficClassArrivesAndEndsARun) {
  auto server = open({.family = family()});
  auto client = open({.family = family()});
  Row row(std::vector<std::size_t>(6, 100));
  const std::array<std::uint8_t, 6> classes{0, 0, 2, 2, 0xb9, 0};
  for (std::size_t i = 0; i < 6; ++i) row.datagrams[i].traffic_class = classes[i];
  EXPECT_EQ(client.send(path_to(loopback(), server.local_port()), row.datagrams).sent, 6u);
  Inbox inbox(8);
  ASSERT_EQ(inbox.receive(server).count, 6u);
  for (std::size_t i = 0; i < 6; ++i) EXPECT_EQ(inbox.datagrams[i].traffic_class, classes[i]) << i;
}

TEST_P(UdpSocketOf, AnUnreachablePortDoesNotStopWhatComesAfter) {
  auto socket = open({.family = family()});
  // The kernel reports ICMP errors on unconnected sockets only when asked to; ask, to see the worst.
  const int on = 1;
  const bool v4 = family() == Family::v4;
  ASSERT_EQ(setsockopt(socket.fd(), v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_RECVERR : IPV6_RECVERR, &on, sizeof on), 0);
  std::uint16_t closed = 0;
  { closed = open({.family = family()}).local_port(); }
  ASSERT_EQ(send(socket, path_to(loopback(), closed), "nobody").sent, 1u);

  auto other = open({.family = family()});
  ASSERT_EQ(send(other, path_to(loopback(), socket.local_port()), "hello").sent, 1u);
  Inbox inbox;
  const auto result = inbox.receive(socket);
  ASSERT_EQ(result.count, 1u);
  EXPECT_EQ(result.error, 0);
  EXPECT_EQ(inbox.text(0), "hello");
  EXPECT_EQ(socket.pending_errors(), 1u);
}

TEST_P(UdpSocketOf, APortInUseNamesThePortAndTheMend) {
  const auto first = open({.family = family()});
  const auto second = UdpSocket::open({.family = family(), .port = first.local_port()});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, UdpOpenError::Kind::port_in_use);
  EXPECT_THAT(second.error().message, AllOf(HasSubstr(std::to_string(first.local_port())), HasSubstr("another aditd"),
                                            HasSubstr("local.listen")));
}

TEST(UdpSocket, AnswersFromTheAddressThatWasCalledAmongSeveral) {
  in_namespace([] {
    run("ip addr add 192.0.2.1/32 dev lo; ip addr add 192.0.2.2/32 dev lo");
    for (const auto* text : {"2001:db8::1", "2001:db8::2"}) test::add_ipv6(text, 128, "lo");
    for (const auto* called : {"192.0.2.2", "2001:db8::2", "192.0.2.1", "2001:db8::1"}) {
      const auto family = address(called).family();
      auto server = open({.family = family});
      // Bound, so that the kernel by itself would answer it from 127.0.0.1 or ::1.
      auto client = open({.family = family, .address = address(family == Family::v4 ? "127.0.0.1" : "::1")});
      Inbox inbox;
      ASSERT_EQ(send(client, path_to(called, server.local_port()), "call").sent, 1u);
      ASSERT_EQ(inbox.receive(server).count, 1u);
      EXPECT_EQ(inbox.datagrams[0].path.local, address(called));
      const auto path = inbox.datagrams[0].path;
      EXPECT_FALSE(send(server, path, "answer").source_refused);
      ASSERT_EQ(inbox.receive(client).count, 1u);
      EXPECT_EQ(inbox.datagrams[0].path.remote.address, address(called));
    }
  });
}

TEST(UdpSocket, FallsBackToTheKernelsChoiceWhenTheSourceAddressIsGone) {
  in_namespace([] {
    for (const auto* loopback : {"127.0.0.1", "::1"}) {
      const auto family = address(loopback).family();
      auto server = open({.family = family});
      auto client = open({.family = family});
      auto path = path_to(loopback, server.local_port());
      path.local = address(family == Family::v4 ? "198.51.100.7" : "2001:db8::7");
      const auto datagrams = to_send({as_bytes("a"), as_bytes("b")});
      const auto result = client.send(path, datagrams);
      EXPECT_EQ(result.sent, 2u) << describe(result.error);
      EXPECT_EQ(result.error, 0);
      EXPECT_TRUE(result.source_refused);
      Inbox inbox;
      EXPECT_EQ(inbox.receive(server).count, 2u);
    }
  });
}

TEST(UdpSocket, LinkLocalAddressesLeaveThroughTheInterfaceTheyCameFrom) {
  in_namespace([] {
    test::make_veth_pair();
    test::add_ipv6("fe80::a", 64, "veth-a");
    test::add_ipv6("fe80::b", 64, "veth-b");
    auto server = open({.family = Family::v6});
    auto client = open({.family = Family::v6});
    const auto from = if_nametoindex("veth-a");
    Path path{
        .remote = {address("fe80::b"), server.local_port(), from}, .local = address("fe80::a"), .interface = from};
    ASSERT_EQ(send(client, path, "call").sent, 1u);
    Inbox inbox;
    ASSERT_EQ(inbox.receive(server).count, 1u);
    const auto back = inbox.datagrams[0].path;
    EXPECT_EQ(back.local, address("fe80::b"));
    EXPECT_EQ(back.remote.scope, back.interface);
    EXPECT_NE(back.remote.scope, 0u);
    EXPECT_EQ(send(server, back, "answer").sent, 1u);
    EXPECT_EQ(inbox.receive(client).count, 1u);
  });
}

TEST(UdpSocket, TellsRefusalsApart) {
  in_namespace([] {
    test::make_veth_pair();
    run("ip addr add 192.0.2.1/24 dev veth-a");
    run("ip route add unreachable 203.0.113.0/24");
    run("nft 'add table ip t; add chain ip t out { type filter hook output priority 0; }; "
        "add rule ip t out udp dport 9 drop'");
    auto v4 = open({.family = Family::v4});
    auto v6 = open({.family = Family::v6});
    for (const auto& [path, error] : {std::pair{path_to("198.51.100.1", 1), ENETUNREACH},
                                      {path_to("203.0.113.1", 1), EHOSTUNREACH},
                                      {path_to("127.0.0.1", 9), EPERM},
                                      {path_to("255.255.255.255", 1), ENETUNREACH}}) {
      const auto result = send(v4, path, "x");
      EXPECT_EQ(result.sent, 0u);
      EXPECT_EQ(result.refused, 1u);
      EXPECT_EQ(result.error, error) << to_string(path.remote) << ": " << describe(result.error);
      EXPECT_FALSE(result.source_refused);
    }
    EXPECT_EQ(send(v6, path_to("2001:db8::1", 1), "x").error, ENETUNREACH);
  });
}

TEST(UdpSocket, AFullSocketSaysSoAndNamesWhatWasNotTried) {
  in_namespace([] {
    // Nobody answers ARP for 192.0.2.2, so what is sent there waits in the socket's send buffer.
    test::make_veth_pair();
    run("ip addr add 192.0.2.1/24 dev veth-a");
    auto socket = open({.family = Family::v4});
    const int tiny = 1;
    ASSERT_EQ(setsockopt(socket.fd(), SOL_SOCKET, SO_SNDBUF, &tiny, sizeof tiny), 0);
    const std::vector<std::uint8_t> payload(1000);
    const std::vector<OutboundDatagram> datagrams(100, {payload});
    const auto result = socket.send(path_to("192.0.2.2", 1), datagrams);
    EXPECT_EQ(result.error, EAGAIN) << describe(result.error);
    EXPECT_GT(result.sent, 0u);
    EXPECT_LT(result.sent, 100u);
    EXPECT_EQ(result.refused, 0u);
    pollfd ready{.fd = socket.fd(), .events = POLLOUT, .revents = 0};
    EXPECT_EQ(poll(&ready, 1, 0), 0) << "EPOLLOUT will tell when to go on";
  });
}

TEST(UdpSocket, OuterPacketsMayBeFragmentedOnTheirWay) {
  in_namespace([] {
    run("ip link set lo mtu 1300");
    for (const auto* loopback : {"127.0.0.1", "::1"}) {
      auto server = open({.family = address(loopback).family()});
      auto client = open({.family = address(loopback).family()});
      const std::vector<std::uint8_t> payload(4000, 0x42);
      EXPECT_EQ(client.send(path_to(loopback, server.local_port()), to_send({payload})).sent, 1u);
      Inbox inbox;
      ASSERT_EQ(inbox.receive(server).count, 1u);
      EXPECT_EQ(inbox.datagrams[0].bytes.size(), 4000u);
    }
  });
}

TEST(UdpSocket, MarksItsDatagramsAndStaysOnItsDevice) {
  in_namespace([] {
    run("ip rule add fwmark 0x51 unreachable; ip -6 rule add fwmark 0x51 unreachable");
    test::make_veth_pair();
    run("ip route add default dev veth-a");
    auto plain = open({.family = Family::v4});
    auto marked = open({.family = Family::v4, .fwmark = 0x51});
    auto bound = open({.family = Family::v4, .device = "lo"});
    const auto path = path_to("198.51.100.1", 1);
    EXPECT_EQ(send(plain, path, "x").sent, 1u);
    EXPECT_NE(send(marked, path, "x").error, 0);
    EXPECT_EQ(send(bound, path_to("127.0.0.1", plain.local_port()), "x").sent, 1u);
    Inbox inbox;
    EXPECT_EQ(inbox.receive(plain).count, 1u);
    Path inside{.remote = {address("192.0.2.9"), 1}, .local = {}};
    run("ip route add 192.0.2.0/24 dev veth-a");
    EXPECT_EQ(send(plain, inside, "x").sent, 1u);

    const auto missing = UdpSocket::open({.family = Family::v4, .device = "nope0"});
    ASSERT_FALSE(missing);
    EXPECT_THAT(missing.error().message, AllOf(HasSubstr("nope0"), HasSubstr("local.device")));
    test::drop_capabilities();
    const auto refused = UdpSocket::open({.family = Family::v4, .fwmark = 1});
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message, AllOf(HasSubstr("local.fwmark"), HasSubstr("setcap cap_net_admin+ep")));
    EXPECT_THAT(UdpSocket::open({.family = Family::v4, .port = 80}).error().message, HasSubstr("1024 or more"));
  });
}

TEST(UdpSocket, AnUnusableSocketIsAnErrorAndNotAnEmptyBatch) {
  auto socket = open({.family = Family::v4});
  FileDescriptor other(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(dup3(other.get(), socket.fd(), O_CLOEXEC), socket.fd());
  std::vector<std::uint8_t> buffer(kMaxDatagram);
  const MutableBytes buffers = buffer;
  std::vector<Datagram> datagrams;
  EXPECT_EQ(socket.receive({&buffers, 1}, datagrams).error, EINVAL);
}

}  // namespace
}  // namespace adit::net
