// SPDX-License-Identifier: MIT
#include "control/wg_protocol.h"

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <net/if.h>

#include <cerrno>
#include <random>

namespace adit::control {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

std::string hex(char digit) {
  return std::string(64, digit);
}

crypto::PublicKey key(std::uint8_t byte) {
  crypto::PublicKey key;
  key.bytes.fill(byte);
  return key;
}

IpNetwork network(std::string_view text) {
  return IpNetwork::parse(text).value();
}

/// A device with one peer, key 11…, that knows something of everything.
WgDevice device() {
  WgDevice device;
  device.private_key.emplace();
  device.private_key->writable()[0] = 0xa5;
  device.listen_port = 51820;
  WgPeer peer;
  peer.key = key(0x11);
  peer.endpoint = Endpoint::parse("192.0.2.7:51820").value();
  peer.keepalive = 25;
  peer.allowed_ips = {network("10.9.0.0/24")};
  device.peers.push_back(std::move(peer));
  return device;
}

std::expected<WgDevice, WgRefusal> after(const std::string& lines, WgDevice from = device()) {
  if (auto done = apply_set("set=1\n" + lines, from); !done) return std::unexpected(done.error());
  return from;
}

int code_of(const std::string& lines) {
  const auto result = after(lines);
  return result ? 0 : result.error().code;
}

TEST(WgProtocol, TellsGetFromSetAndBothFromAnythingElse) {
  EXPECT_EQ(kind_of("get=1"), WgRequest::get);
  EXPECT_EQ(kind_of("set=1\nlisten_port=1"), WgRequest::set);
  for (const auto* const text : {"", "get=2", "GET / HTTP/1.1", "listen_port=1", R"({"command":"status"})"}) {
    EXPECT_EQ(kind_of(text).error().code, EPROTO) << text;
  }
}

TEST(WgProtocol, WhatIsNotMentionedStays) {
  const auto result = after("public_key=" + hex('1') + "\nupdate_only=true\npersistent_keepalive_interval=7");
  ASSERT_TRUE(result);
  EXPECT_EQ(result->listen_port, 51820);
  EXPECT_FALSE(result->listen_port_given);
  ASSERT_THAT(result->peers, SizeIs(1));
  const auto& peer = result->peers[0];
  EXPECT_EQ(peer.keepalive, 7);
  EXPECT_FALSE(peer.added);
  EXPECT_FALSE(peer.endpoint_given);
  EXPECT_EQ(to_string(peer.endpoint), "192.0.2.7:51820");
  EXPECT_THAT(peer.allowed_ips, ElementsAre(network("10.9.0.0/24")));
}

TEST(WgProtocol, SetsEverythingADeviceHas) {
  const auto result =
      after("private_key=" + hex('c') + "\nlisten_port=4000\nfwmark=51820\nreplace_peers=true\npublic_key=" + hex('2') +
            "\nprotocol_version=1\npreshared_key=" + hex('d') +
            "\nendpoint=[2001:db8::7]:9\npersistent_keepalive_interval=65535\nreplace_allowed_ips=true\n"
            "allowed_ip=10.1.2.3/16\nallowed_ip=fd00::1/64\nallowed_ip=0.0.0.0/0");
  ASSERT_TRUE(result) << result.error().sentence;
  EXPECT_EQ(result->private_key->bytes()[31], 0xcc);
  EXPECT_EQ(result->listen_port, 4000);
  EXPECT_TRUE(result->listen_port_given);
  EXPECT_EQ(result->fwmark, 51820);
  ASSERT_THAT(result->peers, SizeIs(1));
  const auto& peer = result->peers[0];
  EXPECT_EQ(peer.key, key(0x22));
  EXPECT_TRUE(peer.added);
  EXPECT_TRUE(peer.endpoint_given);
  EXPECT_EQ(peer.preshared_key.bytes()[0], 0xdd);
  EXPECT_EQ(to_string(peer.endpoint), "[2001:db8::7]:9");
  EXPECT_EQ(peer.keepalive, 65535);
  EXPECT_THAT(peer.allowed_ips, ElementsAre(network("10.1.0.0/16"), network("fd00::/64"), network("0.0.0.0/0")));
}

TEST(WgProtocol, DigitsOfAKeyAreBigOrSmall) {
  for (const auto& [digit, byte] : {std::pair('a', 0xaa), {'A', 0xaa}, {'f', 0xff}, {'F', 0xff}, {'9', 0x99}}) {
    const auto result = after("private_key=" + hex(digit));
    ASSERT_TRUE(result) << digit;
    EXPECT_EQ(result->private_key->bytes()[0], byte) << digit;
  }
  for (const char digit : {'g', 'G', '@', '`', ':', '/'}) EXPECT_FALSE(after("private_key=" + hex(digit))) << digit;
}

TEST(WgProtocol, AKeyOfZerosIsNone) {
  EXPECT_FALSE(after("private_key=" + hex('0'))->private_key);
}

TEST(WgProtocol, AllowedIpsAreAddedTakenAwayAndReplaced) {
  const auto peer = "public_key=" + hex('1') + "\n";
  const auto result = [&](const std::string& lines) { return after(peer + lines)->peers[0].allowed_ips; };
  EXPECT_THAT(result("allowed_ip=10.8.0.0/24"), ElementsAre(network("10.9.0.0/24"), network("10.8.0.0/24")));
  EXPECT_THAT(result("allowed_ip=+10.9.0.0/24"), ElementsAre(network("10.9.0.0/24")));
  EXPECT_THAT(result("allowed_ip=-10.9.0.0/24"), IsEmpty());
  EXPECT_THAT(result("allowed_ip=10.8.0.0/24\nallowed_ip=-10.9.0.0/24\nallowed_ip=10.9.0.0/24"),
              ElementsAre(network("10.9.0.0/24"), network("10.8.0.0/24")));
  EXPECT_THAT(result("allowed_ip=-10.9.0.0/24\nallowed_ip=-10.9.0.0/24"), IsEmpty());
  EXPECT_THAT(result("allowed_ip=-10.9.0.0/24\nreplace_allowed_ips=true\nallowed_ip=10.9.0.0/24"),
              ElementsAre(network("10.9.0.0/24")));
  EXPECT_THAT(result("replace_allowed_ips=true"), IsEmpty());
  EXPECT_THAT(result("replace_allowed_ips=true\nallowed_ip=::/0"), ElementsAre(network("::/0")));
}

TEST(WgProtocol, APeerIsReplacedInOneRequestWhicheverWayRound) {
  const auto add = "public_key=" + hex('2') + "\nallowed_ip=::/0\n";
  const auto remove = "public_key=" + hex('1') + "\nremove=true\n";
  for (const auto& lines : {add + remove, remove + add, "replace_peers=true\n" + add}) {
    const auto result = after(lines);
    ASSERT_TRUE(result) << lines;
    ASSERT_THAT(result->peers, SizeIs(1));
    EXPECT_EQ(result->peers[0].key, key(0x22));
  }
  EXPECT_THAT(after(remove)->peers, IsEmpty());
}

TEST(WgProtocol, ASecondPeerIsRefused) {
  const auto result = after("public_key=" + hex('2') + "\nallowed_ip=::/0");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, EOPNOTSUPP);
  EXPECT_THAT(result.error().sentence, HasSubstr("one peer"));
}

/// Each could bring thousands of allowed IPs along.
TEST(WgProtocol, PeersAreNamedAFewTimesAtMost) {
  std::string lines;
  const auto again = "public_key=" + hex('1') + "\n";
  for (int i = 0; i < 64; ++i) lines += again;
  EXPECT_EQ(code_of(lines), 0);
  EXPECT_EQ(code_of(lines + again), EOPNOTSUPP);
}

TEST(WgProtocol, AnotherPeerThatIsOnlyToBeUpdatedIsNoSecondOne) {
  const auto result = after("public_key=" + hex('2') + "\nupdate_only=true\nallowed_ip=::/0");
  ASSERT_TRUE(result);
  ASSERT_THAT(result->peers, SizeIs(1));
  EXPECT_EQ(result->peers[0].key, key(0x11));
}

TEST(WgProtocol, WhatIsSaidOfAPeerThatIsNotThereIsNotSaidOfTheNext) {
  const auto result =
      after("public_key=" + hex('2') + "\nupdate_only=true\nremove=true\npublic_key=" + hex('1') + "\nallowed_ip=::/0");
  ASSERT_TRUE(result);
  ASSERT_THAT(result->peers, SizeIs(1));
  EXPECT_EQ(result->peers[0].key, key(0x11));
}

TEST(WgProtocol, WhatCannotBeReadIsRefused) {
  const auto peer = "public_key=" + hex('1') + "\n";
  for (const std::string lines :
       {"private_key=12", "private_key=", "listen_port=65536", "listen_port=-1", "listen_port= 1", "fwmark=4294967296",
        "replace_peers=false", "nonsense=1", "endpoint=192.0.2.1:1", "no sign", "public_key=xyz"}) {
    EXPECT_EQ(code_of(lines), EINVAL) << lines;
  }
  for (const std::string lines :
       {"preshared_key=1", "endpoint=192.0.2.1", "endpoint=host:1", "endpoint=2001:db8::1:1", "endpoint=192.0.2.1:0",
        "persistent_keepalive_interval=65536", "replace_allowed_ips=1", "allowed_ip=10.0.0.0/33",
        "allowed_ip=", "remove=1", "update_only=", "listen_port=1", "x=y"}) {
    EXPECT_EQ(code_of(peer + lines), EINVAL) << lines;
  }
  EXPECT_EQ(code_of(peer + "protocol_version=2"), EPROTONOSUPPORT);
}

TEST(WgProtocol, NoRefusalRepeatsAKey) {
  const auto almost = std::string(63, 'b');
  for (const auto& lines :
       {"private_key=" + almost, almost, "public_key=" + hex('1') + "\npreshared_key=" + almost + "g"}) {
    EXPECT_THAT(after(lines).error().sentence, Not(HasSubstr("bbbb")));
  }
}

TEST(WgProtocol, LinkLocalEndpointsHaveZones) {
  const auto with_zone = [](const std::string& endpoint) {
    return after("public_key=" + hex('1') + "\nendpoint=" + endpoint);
  };
  const auto device = with_zone("[fe80::2%lo]:5");
  ASSERT_TRUE(device);
  EXPECT_EQ(device->peers[0].endpoint.scope, if_nametoindex("lo"));
  EXPECT_THAT(to_text(*device), HasSubstr("\nendpoint=[fe80::2%lo]:5\n"));
  EXPECT_TRUE(with_zone(fmt::format("[fe80::2%{}]:5", if_nametoindex("lo"))));
  for (const auto* const wrong : {"[fe80::2%nosuchif]:5", "[fe80::2%]:5", "[2001:db8::1%lo]:5", "fe80::2%lo:5",
                                  "[fe80::2%0]:5", "192.0.2.1%lo:5"}) {
    EXPECT_FALSE(with_zone(wrong)) << wrong;
  }
}

TEST(WgProtocol, TooManyAllowedIpsAreRefused) {
  auto lines = "public_key=" + hex('1');
  const auto line = [](int i) { return fmt::format("\nallowed_ip=10.{}.{}.0/24", i / 256, i % 256); };
  for (int i = 0; i < 16'384; ++i) lines += line(i);
  const auto most = after(lines);
  ASSERT_TRUE(most);
  EXPECT_EQ(most->peers[0].allowed_ips.size(), 16'384);
  EXPECT_TRUE(after(lines + line(0))) << "given twice is given once";
  EXPECT_EQ(code_of(lines + line(16'384)), E2BIG);
}

TEST(WgProtocol, AnAnswerIsARequestThatBringsAboutTheSame) {
  auto before = device();
  before.fwmark = 7;
  before.peers[0].preshared_key.writable()[5] = 1;
  before.peers[0].handshake = WallTime{std::chrono::seconds(1'700'000'000) + std::chrono::nanoseconds(5)};
  before.peers[0].sent = 12;
  before.peers[0].received = 34;
  const auto text = to_text(before);
  EXPECT_THAT(text, HasSubstr("last_handshake_time_sec=1700000000\nlast_handshake_time_nsec=5\n"));
  EXPECT_THAT(text, HasSubstr("tx_bytes=12\nrx_bytes=34\n"));
  EXPECT_THAT(text, EndsWith("\nerrno=0"));

  std::string lines;
  for (std::size_t at = 0; at < text.size();) {
    const auto line = text.substr(at, text.find('\n', at) - at);
    at += line.size() + 1;
    if (line.starts_with("last_") || line.starts_with("tx_") || line.starts_with("rx_") || line.starts_with("errno"))
      continue;
    lines += line + "\n";
  }
  lines.pop_back();
  auto again = after(lines, WgDevice());
  ASSERT_TRUE(again) << again.error().sentence;
  again->peers[0].handshake = before.peers[0].handshake;
  again->peers[0].sent = 12;
  again->peers[0].received = 34;
  EXPECT_EQ(to_text(*again), text);
}

TEST(WgProtocol, ADeviceWithoutAnythingHasAnAnswer) {
  EXPECT_EQ(to_text(WgDevice()), "listen_port=0\nerrno=0");
  EXPECT_EQ(errno_line(EINVAL), "errno=-22");
}

TEST(WgProtocol, AnyBytesHaveAnOutcome) {
  std::mt19937 random(7);  // NOLINT: the same storm each time
  const auto sound = "private_key=" + hex('c') + "\nlisten_port=4000\npublic_key=" + hex('1') +
                     "\nendpoint=192.0.2.9:1\nallowed_ip=10.0.0.0/8\npersistent_keepalive_interval=5\n\n=\n";
  int refused = 0;
  for (int round = 0; round < 5000; ++round) {
    auto lines = sound;
    for (int change = 0; change < 3; ++change) lines[random() % lines.size()] = static_cast<char>(random());
    lines.resize(random() % lines.size());
    const auto result = after(lines);
    if (!result) {
      ++refused;
      EXPECT_GT(result.error().code, 0);
    } else {
      EXPECT_LE(result->peers.size(), 1);
    }
  }
  EXPECT_GT(refused, 1000);
}

}  // namespace
}  // namespace adit::control
