// SPDX-License-Identifier: MIT
#include "net/udp_socket.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "namespace.h"
#include "net/udp_sockets.h"

namespace adit::net::test {
namespace {

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

TEST_P(UdpSocketOf, WhatIsSentWholeIsRefusedWhereOthersWouldBeCut) {
  auto server = open({.family = family()});
  auto client = open({.family = family()});
  const auto path = path_to(loopback(), server.local_port());
  // Loopback carries packets of 65,536 bytes: over IPv6 the largest datagram is cut, over IPv4 there is none so large.
  const std::vector<std::uint8_t> too_big(family() == Family::v4 ? 65'508 : 65'527, 0xcd);
  EXPECT_EQ(client.send_whole(path, {too_big}), EMSGSIZE);
  EXPECT_EQ(client.send_whole(path, {as_bytes("small")}), 0);
  EXPECT_EQ(send(client, path, "next").sent, 1u);
  Inbox inbox;
  ASSERT_EQ(inbox.receive(server).count, 2u);
  EXPECT_EQ(inbox.text(0), "small");
  const bool v4 = family() == Family::v4;
  int value = -1;
  socklen_t size = sizeof value;
  ASSERT_EQ(
      getsockopt(client.fd(), v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_MTU_DISCOVER : IPV6_MTU_DISCOVER, &value, &size),
      0);
  EXPECT_EQ(value, v4 ? IP_PMTUDISC_DONT : IPV6_PMTUDISC_DONT) << "all others go as before";
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
  EXPECT_EQ(server.take_lost().truncated, 2u);
  EXPECT_EQ(server.take_lost().truncated, 0u) << "told once";
}

TEST_P(UdpSocketOf, WhatFoundNoRoomIsCountedAtOnceAndOnce) {
  auto server = open({.family = family(), .offload = false, .receive_buffer = 20'000});
  auto client = open({.family = family(), .offload = false});
  const auto path = path_to(loopback(), server.local_port());
  Inbox inbox(200, 2000);
  /// How many of a hundred datagrams are lost.
  const auto overrun = [&](UdpSocket& socket) {
    const std::vector<std::uint8_t> payload(1000);
    EXPECT_EQ(client.send(path, std::vector<OutboundDatagram>(100, {payload})).sent, 100u);
    return 100 - inbox.receive(socket).count;
  };
  EXPECT_EQ(server.take_lost().receive_buffer_full, 0u);
  for (int round = 0; round < 3; ++round) {
    const auto lost = overrun(server);
    EXPECT_GT(lost, 0u);
    EXPECT_EQ(server.take_lost().receive_buffer_full, lost);
    EXPECT_EQ(inbox.receive_now(server).count, 0u);
    EXPECT_EQ(server.take_lost().receive_buffer_full, 0u);
  }
  overrun(server);
  const UdpOptions same{.family = family(), .offload = false, .receive_buffer = 20'000};
  auto successor = UdpSocket::adopt(server.release(), same).value();
  EXPECT_EQ(inbox.receive_now(successor).count, 0u);
  EXPECT_EQ(successor.take_lost().receive_buffer_full, 0u) << "those before were not lost by this run";
  const auto lost = overrun(successor);
  EXPECT_EQ(successor.take_lost().receive_buffer_full, lost);
}

TEST_P(UdpSocketOf, OneOfAnEarlierRunMergesOnlyIfThatIsStillWanted) {
  auto before = open({.family = family()});
  auto successor = UdpSocket::adopt(before.release(), {.family = family(), .offload = false}).value();
  const auto fd = successor.release();
  int merges = -1;
  socklen_t size = sizeof merges;
  ASSERT_EQ(getsockopt(fd.get(), SOL_UDP, UDP_GRO, &merges, &size), 0);
  EXPECT_EQ(merges, 0);
}

TEST_P(UdpSocketOf, OneOfAnEarlierRunMustBeBoundAsItIsWanted) {
  const UdpOptions options{.family = family(), .address = address(loopback())};
  const auto adopted = [&](const UdpOptions& wanted) {
    auto before = open(options);
    auto next = wanted;
    if (next.port == 1) next.port = before.local_port();
    return UdpSocket::adopt(before.release(), next).has_value();
  };
  auto wanted = options;
  EXPECT_TRUE(adopted(wanted)) << "any port is as good as that one";
  wanted.port = 1;  // its own
  wanted.receive_buffer = 100'000;
  EXPECT_TRUE(adopted(wanted)) << "buffers can be set";
  wanted.port = 7;
  EXPECT_FALSE(adopted(wanted));
  wanted = options;
  wanted.address = {};
  EXPECT_FALSE(adopted(wanted)) << "it listens on one address alone";
  wanted = options;
  wanted.device = "lo";
  EXPECT_FALSE(adopted(wanted));
  wanted = options;
  wanted.family = family() == Family::v4 ? Family::v6 : Family::v4;
  wanted.address = {};
  EXPECT_FALSE(adopted(wanted));
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

TEST_P(UdpSocketOf, AnUnreachablePortDoesNotStopWhatComesAfter) {
  auto socket = open({.family = family()});
  // The kernel reports ICMP errors on unconnected sockets only when asked to; ask, to see the worst.
  const int on = 1;
  const bool v4 = family() == Family::v4;
  ASSERT_EQ(setsockopt(socket.fd(), v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_RECVERR : IPV6_RECVERR, &on, sizeof on), 0);
  std::uint16_t closed = 0;
  {
    closed = open({.family = family()}).local_port();
  }
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
}  // namespace adit::net::test
