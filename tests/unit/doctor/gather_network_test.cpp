// SPDX-License-Identifier: MIT
// What doctor sees of a network that the test made.
#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

#include "config/folder.h"
#include "doctor/gather.h"
#include "namespace.h"
#include "net/udp_sockets.h"

namespace adit::doctor {
namespace {

using testing::ElementsAre;
using testing::EndsWith;

Facts facts_of(const config::Parts& parts) {
  const config::Folder folder;
  Facts facts;
  facts.file = folder.write("office.yaml", parts.text());
  gather_file(facts);
  return facts;
}

/// Of a file that wants the port of `socket`.
Facts facts_beside(const net::UdpSocket& socket) {
  config::Parts parts;
  parts.local += fmt::format("  listen: 127.0.0.1:{}\n", socket.local_port());
  return facts_of(parts);
}

struct GatherPort : testing::Test {
  net::UdpSocket open() {
    return net::test::open({.address = net::test::address("127.0.0.1"), .offload = false, .receive_buffer = 4096});
  }
  net::UdpSocket socket = open();
};

TEST_F(GatherPort, NamesWhoHasIt) {
  auto facts = facts_beside(socket);
  gather_port(facts);
  EXPECT_TRUE(facts.port.tried);
  ASSERT_TRUE(facts.port.problem);
  EXPECT_THAT(facts.port.owners, ElementsAre(EndsWith(fmt::format(" (process {})", ::getpid()))));
  EXPECT_FALSE(facts.port.overflows);
}

TEST_F(GatherPort, IsFreeWithoutOne) {
  auto facts = facts_beside(socket);
  {
    const auto gone = std::move(socket);
  }
  gather_port(facts);
  EXPECT_TRUE(facts.port.tried);
  EXPECT_FALSE(facts.port.problem) << *facts.port.problem;
  EXPECT_THAT(facts.port.owners, ElementsAre());
}

TEST_F(GatherPort, HasWhatTheRunningDaemonsBufferHadNoRoomFor) {
  auto facts = facts_beside(socket);
  facts.daemon.pid = ::getpid();
  gather_port(facts);
  EXPECT_FALSE(facts.port.tried) << "the daemon has it";
  EXPECT_EQ(facts.port.overflows, 0U);
  auto sender = open();
  constexpr unsigned kMany = 100;
  const auto path = net::test::path_to("127.0.0.1", socket.local_port());
  for (unsigned i = 0; i < kMany; ++i) ASSERT_EQ(net::test::send(sender, path, std::string(1'000, 'x')).sent, 1U);
  facts.port = {};
  gather_port(facts);
  EXPECT_GT(facts.port.overflows, 0U);
  EXPECT_LT(facts.port.overflows, kMany);
}

/// lo stands in for the interface of a link that is up: the kernel answers for all of its addresses.
Facts link_on_lo(const char* ours, const char* peers) {
  Facts facts;
  auto& config = facts.file_facts.config.emplace();
  config.interface.name = "lo";
  config.interface.addresses = {IpNetwork::parse(ours).value()};
  config.interface.peer_addresses = {net::test::address(peers)};
  facts.daemon.status = LinkStatus{.interface = "lo", .state = "up"};
  facts.network.interfaces = {{.name = "lo", .index = 1, .up = true, .mtu = 9'000}};
  return facts;
}

TEST(GatherProbe, FindsTheLargestPacketThatIsAnsweredInOnePiece) {
  net::test::in_namespace([] {
    net::test::run("ip addr add 10.9.0.2/32 dev lo");
    net::test::add_ipv6("fd09::2", 128, "lo");
    for (const std::uint32_t passes : {9'000U, 1'400U}) {
      net::test::run(fmt::format("ip link set lo mtu {}", passes));
      for (const bool v6 : {false, true}) {
        auto facts = v6 ? link_on_lo("fd09::1/126", "fd09::2") : link_on_lo("10.9.0.1/30", "10.9.0.2");
        gather_probe(facts);
        EXPECT_EQ(facts.path.probe.why_not, "");
        EXPECT_TRUE(facts.path.probe.answers);
        EXPECT_EQ(facts.path.probe.largest, passes) << facts.path.probe.address;
      }
    }
  });
}

}  // namespace
}  // namespace adit::doctor
