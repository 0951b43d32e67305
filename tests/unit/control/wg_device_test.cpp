// SPDX-License-Identifier: MIT
#include "control/wg_device.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/difference.h"
#include "link/health.h"
#include "net/system.h"

namespace adit::control {
namespace {

using std::chrono_literals::operator""s;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// A link that has something of everything, and its tunnel.
class WgDeviceTest : public ::testing::Test {
 protected:
  WgDeviceTest() {
    config_.name = "office";
    config_.file = "/etc/adit/office.yaml";
    config_.interface = {.name = "office",
                         .addresses = {IpNetwork::parse("10.9.0.1/30").value()},
                         .peer_addresses = {IpAddress::parse("10.9.0.2").value()},
                         .mtu = 1400,
                         .queue_length = 900,
                         .owner = 5,
                         .group = 6,
                         .persist = true,
                         .multicast = true};
    config_.local.listen = {.address = IpAddress::parse("192.0.2.1").value(), .port = 51820};
    config_.local.device = "eth0";
    config_.local.fwmark = 7;
    config_.peer.public_key = crypto::public_key_of(crypto::generate_private_key(random_));
    config_.peer.endpoints = {{"vpn.example.net", 51820}, {"192.0.2.9", 1}};
    config_.peer.keepalive = 17s;
    config_.peer.allowed_ips = {IpNetwork::parse("10.9.0.0/30").value()};
    config_.routes = {{.to = IpNetwork::parse("192.168.20.0/24").value(), .metric = 5, .table = 100, .source = {}}};
    config_.log_level = config::LogLevel::debug;
    config_.tuning = {.crypto = "libsodium",
                      .tun_offload = config::Switch::off,
                      .udp_offload = config::Switch::off,
                      .receive_buffer = 1'000'000,
                      .send_buffer = 1'000'000,
                      .copy_dscp = true};
    config_.hooks.up = {{.words = {"/bin/true"}}};
    config_.hooks.down = {{.words = {"/bin/true"}}};
    config_.dns.servers = {IpAddress::parse("10.9.0.2").value()};
    config_.dns.domains = {"example.net"};
    tunnel::Settings settings{.private_key = crypto::generate_private_key(random_),
                              .peer_key = config_.peer.public_key,
                              .preshared_key = crypto::generate_preshared_key(random_),
                              .keepalive = config_.peer.keepalive,
                              .allowed_ips = config_.peer.allowed_ips};
    tunnel_ = std::move(tunnel::Tunnel::make(std::move(settings), random_, clock_).value());
  }

  /// What `lines` make of the link; a refusal fails the test.
  config::Config after(const std::string& lines) {
    const auto before = to_device(config_, *tunnel_, 51820);
    auto device = to_device(config_, *tunnel_, 51820);
    auto next = copy_of(config_, *tunnel_);
    EXPECT_TRUE(apply_set("set=1\n" + lines, device));
    EXPECT_TRUE(adopt(std::move(device), before, next, random_));
    return next;
  }
  std::vector<std::string> changed(const std::string& lines) {
    std::vector<std::string> keys;
    for (const auto& change : config::difference(config_, after(lines))) keys.push_back(change.key);
    return keys;
  }
  std::string peer_line() const {
    auto text = to_text(to_device(config_, *tunnel_, 51820));
    const auto at = text.find("public_key=");
    return text.substr(at, text.find('\n', at) + 1 - at);
  }

  net::SystemRandom random_;
  net::SystemWallClock clock_;
  config::Config config_;
  std::unique_ptr<tunnel::Tunnel> tunnel_;
};

TEST_F(WgDeviceTest, ACopyHasEverything) {
  EXPECT_THAT(config::difference(config_, copy_of(config_, *tunnel_)), IsEmpty());
  EXPECT_TRUE(tunnel_->has_preshared_key(copy_of(config_, *tunnel_).peer.preshared_key));
}

TEST_F(WgDeviceTest, ARequestLeavesTheUplinksAndTheNumberOfTheLink) {
  config_.local.device.reset();
  config_.local.uplinks = {"eth0", "wwan0"};
  config_.number = 77;
  EXPECT_THAT(changed("listen_port=4000"), ElementsAre("local.listen"));
  EXPECT_THAT(after("listen_port=4000").local.uplinks, ElementsAre("eth0", "wwan0"));
  EXPECT_EQ(after("listen_port=4000").number, 77U);
}

TEST_F(WgDeviceTest, WhoseGrePacketsAreWhoseFollowsTheOrderOfTheKeys) {
  const auto first = IpAddress::parse("169.254.0.1").value();
  const auto second = IpAddress::parse("169.254.0.2").value();
  config_.interface.mode = config::Mode::tap;
  const auto own = crypto::public_key_of(tunnel_->private_key());
  const bool is_first = own < config_.peer.public_key;
  const auto& [ours, peers] = is_first ? std::pair(first, second) : std::pair(second, first);
  config_.interface.tap.ours = ours;
  config_.interface.tap.peers = peers;
  config_.peer.allowed_ips = {{peers, 32}};

  // A peer's key on the other side of ours.
  const auto other_way = "replace_peers=true\npublic_key=" + std::string(64, is_first ? '0' : 'f') +
                         "\nallowed_ip=" + to_string(peers) + "/32";
  auto next = after(other_way);
  EXPECT_EQ(next.interface.tap.ours, peers);
  EXPECT_EQ(next.interface.tap.peers, ours);
  EXPECT_THAT(next.peer.allowed_ips, ElementsAre(IpNetwork{ours, 32}));

  next = after(other_way + "\nallowed_ip=0.0.0.0/0");
  EXPECT_THAT(next.peer.allowed_ips, ElementsAre(IpNetwork{peers, 32}, IpNetwork::parse("0.0.0.0/0").value()))
      << "somebody wants them so";

  config_.interface.tap.tunnel_address = IpNetwork::parse("169.254.0.1/30").value();
  next = after(other_way);
  EXPECT_EQ(next.interface.tap.ours, ours);
  EXPECT_EQ(next.interface.tap.peers, peers);
}

TEST_F(WgDeviceTest, APrivateKeyIsShownAsItIsUsed) {
  std::array<std::uint8_t, crypto::kKeySize> bytes{};
  const auto shown = [&](std::uint8_t byte) {
    bytes.fill(byte);
    tunnel::Settings settings{.private_key = crypto::PrivateKey(bytes), .peer_key = config_.peer.public_key};
    const auto tunnel = std::move(tunnel::Tunnel::make(std::move(settings), random_, clock_).value());
    const auto device = to_device(config_, *tunnel, 51820);
    const auto key = device.private_key->bytes();
    EXPECT_EQ(key[1], byte);
    return std::pair(key[0], key[31]);
  };
  EXPECT_EQ(shown(0xff), std::pair(std::uint8_t{0xf8}, std::uint8_t{0x7f}));
  EXPECT_EQ(shown(0x01), std::pair(std::uint8_t{0x00}, std::uint8_t{0x41}));
}

TEST_F(WgDeviceTest, ARequestChangesWhatItMentionsAndNothingElse) {
  EXPECT_THAT(changed("fwmark=7"), IsEmpty());
  EXPECT_THAT(changed("listen_port=51820"), IsEmpty());
  EXPECT_THAT(changed("listen_port=4000"), ElementsAre("local.listen"));
  EXPECT_THAT(changed("fwmark=0"), ElementsAre("local.fwmark"));
  EXPECT_THAT(changed(peer_line() + "persistent_keepalive_interval=0"), ElementsAre("peer.keepalive"));
  EXPECT_THAT(changed(peer_line() + "endpoint=192.0.2.5:9"), ElementsAre("peer.endpoint"));
  EXPECT_THAT(changed(peer_line() + "allowed_ip=10.1.0.0/16"), ElementsAre("peer.allowed_ips"));
}

TEST_F(WgDeviceTest, APeerThatIsTakenAwayLeavesAStandInNobodyHasTheKeyOf) {
  const auto next = after("replace_peers=true");
  EXPECT_TRUE(next.missing.peer);
  EXPECT_FALSE(next.missing.private_key);
  EXPECT_NE(next.peer.public_key, config_.peer.public_key);
  EXPECT_TRUE(next.peer.endpoints.empty());
  EXPECT_TRUE(next.peer.allowed_ips.empty());
  EXPECT_THAT(link::what_is_missing(next), HasSubstr("no peer yet"));
  EXPECT_THAT(to_device(next, *tunnel_, 1).peers, IsEmpty());
}

TEST_F(WgDeviceTest, APresharedKeyOfWgsIsNotUndoneByTheFileOfTheOldOne) {
  config_.peer.preshared_key_file = "/etc/adit/office.psk";
  EXPECT_FALSE(after(peer_line() + "persistent_keepalive_interval=3").peer.preshared_key_file.empty());
  EXPECT_TRUE(after(peer_line() + "preshared_key=" + std::string(64, '1')).peer.preshared_key_file.empty());
}

TEST_F(WgDeviceTest, ThePeerCannotBeThisEndItself) {
  const auto own = crypto::public_key_of(tunnel_->private_key());
  auto device = to_device(config_, *tunnel_, 1);
  const auto before = to_device(config_, *tunnel_, 1);
  device.peers[0].key = own;
  auto next = copy_of(config_, *tunnel_);
  EXPECT_FALSE(adopt(std::move(device), before, next, random_));
}

TEST_F(WgDeviceTest, AnUnconfiguredLinkSaysWhatItLacks) {
  const auto bare = unconfigured("wg0", random_);
  EXPECT_THAT(link::what_is_missing(bare), HasSubstr("no private key and no peer yet"));
  EXPECT_THAT(link::what_is_missing(config_), IsEmpty());
}

}  // namespace
}  // namespace adit::control
