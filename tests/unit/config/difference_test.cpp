// SPDX-License-Identifier: MIT
#include "config/difference.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support.h"

namespace adit::config {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

/// A link as most are.
Config usual() {
  Config config;
  config.name = "office";
  config.interface.name = "office";
  config.interface.addresses = {IpNetwork::parse("10.9.0.1/30").value()};
  config.peer.endpoints = {{"vpn.example.net", 51820}};
  config.peer.allowed_ips = {IpNetwork::parse("10.9.0.0/30").value()};
  return config;
}

std::vector<std::string> changes(const Config& before, const Config& after) {
  std::vector<std::string> texts;
  for (const auto& change : difference(before, after)) texts.push_back(to_string(change));
  return texts;
}

TEST(Difference, TheSameIsNoDifference) {
  EXPECT_THAT(changes(usual(), usual()), IsEmpty());
}

TEST(Difference, NamesEachKeyWithWhatItIsAndWhatItWas) {
  auto after = usual();
  after.interface.mtu = 1300;
  after.peer.keepalive.reset();
  after.peer.endpoints.push_back({"2001:db8::7", 1});
  after.log_level = LogLevel::debug;
  after.tuning.udp_offload = Switch::off;
  EXPECT_THAT(changes(usual(), after),
              ElementsAre("interface.mtu: 1300, was the default", "log.level: debug, was the default",
                          "peer.endpoint: [vpn.example.net:51820, \"[2001:db8::7]:1\"], was vpn.example.net:51820",
                          "peer.keepalive: off, was the default", "tuning.udp_offload: off, was the default"));
  EXPECT_THAT(changes(after, usual()), testing::SizeIs(5));
}

TEST(Difference, RoutesAreOneKeyAndTheAllowedIpsTheyBringAreNotAnother) {
  auto after = usual();
  for (const auto* net : {"192.168.1.0/24", "192.168.2.0/24"}) {
    after.routes.push_back({IpNetwork::parse(net).value(), 7, {}, {}});
    after.peer.allowed_ips.push_back(IpNetwork::parse(net).value());
  }
  EXPECT_THAT(changes(usual(), after),
              ElementsAre("routes: {to: 192.168.1.0/24, metric: 7}, {to: 192.168.2.0/24, metric: 7}, was the default"));
}

TEST(Difference, TellsHooksOfEachEventApart) {
  auto after = usual();
  after.hooks.up = {{.words = {"echo: a\nb"}, .shell = true}};
  after.hooks.down = {{.words = {"x"}, .shell = true}, {.words = {"a", "b"}, .timeout = std::chrono::seconds(3)}};
  EXPECT_THAT(changes(usual(), after), ElementsAre("hooks.down: [x, {command: [a, b], timeout: 3s}], was the default",
                                                   "hooks.up: \"echo: a\\x0ab\", was the default"));
}

TEST(Difference, SaysNothingOfSecrets) {
  test::SeededRandom random(1);
  auto after = usual();
  after.local.private_key = crypto::generate_private_key(random);
  after.peer.preshared_key = crypto::generate_preshared_key(random);
  after.peer.has_preshared_key = true;
  EXPECT_THAT(changes(usual(), after), IsEmpty());
}

}  // namespace
}  // namespace adit::config
