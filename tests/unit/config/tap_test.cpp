// SPDX-License-Identifier: MIT
// An interface for Ethernet frames (config/tap_ends.cpp).
#include <gtest/gtest.h>

#include "config/expect_problems.h"

namespace adit::config {
namespace {

constexpr std::string_view kTheirPrivateKey = "gDlUw5IsHcIa/aGL+jD576xQlN8TD4/EMgNI55uEqWs=";

Config read(const Folder& folder, const Parts& parts) {
  auto config = folder.read(parts.text());
  if (!config) ADD_FAILURE() << folder.texts(config)[0] << "\n" << parts.text();
  return config ? std::move(*config) : Config();
}

TEST(Tap, BothEndsComeToTheSameAddressesByThemselves) {
  const Folder folder;
  const auto theirs = crypto::parse_private_key(kTheirPrivateKey).value();
  const auto ours = crypto::parse_private_key(kOurPrivateKey).value();
  const auto peer = [](const crypto::PrivateKey& key) {
    return fmt::format("  public_key: {}\n", to_base64(crypto::public_key_of(key)));
  };
  const auto a = read(folder, {.interface = "  mode: tap\n", .peer = peer(theirs)});
  const auto b = read(folder, {.interface = "  mode: tap\n",
                               .local = fmt::format("  private_key: {}\n", kTheirPrivateKey),
                               .peer = peer(ours)});
  EXPECT_EQ(a.interface.tap.ours, b.interface.tap.peers);
  EXPECT_EQ(a.interface.tap.peers, b.interface.tap.ours);
  EXPECT_NE(a.interface.tap.ours, a.interface.tap.peers);
  EXPECT_TRUE(a.interface.tap.ours.is_link_local());
  ASSERT_EQ(a.peer.allowed_ips.size(), 1U);
  EXPECT_EQ(to_string(a.peer.allowed_ips[0]), to_string(a.interface.tap.peers) + "/32");

  EXPECT_NE(a.interface.tap.mac, b.interface.tap.mac);
  EXPECT_EQ(a.interface.tap.mac.bytes[0] & 3, 2) << "of one station, and locally administered";
  const auto again = read(folder, {.interface = "  mode: tap\n", .peer = peer(theirs)});
  EXPECT_EQ(again.interface.tap.mac, a.interface.tap.mac);
  const auto other = read(folder, {.interface = "  mode: tap\n  name: other\n", .peer = peer(theirs)});
  EXPECT_NE(other.interface.tap.mac, a.interface.tap.mac);
}

TEST(Tap, ThePeerHasTheOtherAddressOfASubnetOfTwo) {
  const Folder folder;
  const std::pair<const char*, const char*> table[] = {
      {"10.9.0.1/30", "10.9.0.2"}, {"10.9.0.2/30", "10.9.0.1"}, {"10.9.0.0/31", "10.9.0.1"},
      {"fd09::2/126", "fd09::1"},  {"fd09::2/127", "fd09::3"},
  };
  for (const auto& [ours, peers] : table) {
    const auto config = read(folder, {.interface = fmt::format("  mode: tap\n  tunnel_address: {}\n", ours)});
    EXPECT_EQ(to_string(config.interface.tap.peers), peers);
  }
  const auto config =
      read(folder, {.interface = "  mode: tap\n  tunnel_address: 10.9.0.1/24\n  tunnel_peer: 10.9.0.77\n"});
  EXPECT_EQ(to_string(config.interface.tap.peers), "10.9.0.77");
  EXPECT_EQ(to_string(config.peer.allowed_ips.at(0)), "10.9.0.77/32");
}

TEST(Tap, WhatContradictsIsAMistakeWithItsMend) {
  const Folder folder;
  struct Row {
    std::string_view lines;
    std::string_view reason;
  };
  const Row table[] = {
      {"  tunnel_peer: 10.9.0.2\n", "goes with tunnel_address only"},
      {"  tunnel_address: 10.9.0.1/24\n", "leaves open which address the peer has; add tunnel_peer"},
      {"  tunnel_address: 10.9.0.1/30\n  tunnel_peer: fd09::1\n", "is of another family than tunnel_address"},
      {"  tunnel_address: 10.9.0.1/30\n  tunnel_peer: 10.9.0.1\n", "is this end's own address"},
      {"  addresses: [10.9.0.1/24]\n  bridge: br0\n", "br0 is to have them"},
      {"  mtu: 65400\n", "is too large for frames"},
      {"  multicast: true\n", "is not for `mode: tap`"},
      {"  kill_switch: on\n", "is not for `mode: tap`"},
      {"  peer_addresses: [10.9.0.2]\n", "is not for `mode: tap`"},
      {"  mac: 03:00:00:00:00:01\n", "is the address of a group of stations"},
      {"  mac: 02:00\n", "is no MAC address"},
  };
  for (const auto& [lines, reason] : table) {
    const auto config = folder.read(Parts{.interface = fmt::format("  mode: tap\n{}", lines)}.text());
    ASSERT_FALSE(config) << lines;
    EXPECT_NE(folder.texts(config)[0].find(reason), std::string::npos) << folder.texts(config)[0];
  }
  for (const auto& [parts, reason] :
       {std::pair{Parts{.interface = "  mode: tap\n", .rest = "routes: [10.1.0.0/16]\n"}, "routes do not go with"},
        std::pair{Parts{.interface = "  mode: tap\n", .peer = Parts().peer + "  allowed_ips: [10.9.0.0/30]\n"},
                  "which all frames come from"}}) {
    const auto config = folder.read(parts.text());
    ASSERT_FALSE(config);
    EXPECT_NE(folder.texts(config)[0].find(reason), std::string::npos) << folder.texts(config)[0];
  }
}

}  // namespace
}  // namespace adit::config
