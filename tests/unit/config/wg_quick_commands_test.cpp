// SPDX-License-Identifier: MIT
#include "config/wg_quick_commands.h"

#include <gtest/gtest.h>

#include "config/folder.h"

namespace adit::config {
namespace {

WgQuickCommands commands() {
  return {"wg0", kPeerPublicKey};
}

TEST(WgQuickCommands, ForwardingIsTakenOutOfALine) {
  const std::pair<std::string, std::string> table[] = {
      {"sysctl -w net.ipv4.ip_forward=1", ""},
      {"sudo sysctl -q net.ipv6.conf.all.forwarding=1 net.ipv4.ip_forward=1", ""},
      {"echo 1 > /proc/sys/net/ipv4/ip_forward", ""},
      {"echo 1 >/proc/sys/net/ipv6/conf/all/forwarding || true", ""},
      {"a; sysctl -w net.ipv4.ip_forward=1; b", "a; b"},
      {"sysctl -w net.ipv4.ip_forward=1 && a", "a"},
      {"a && sysctl -w net.ipv4.ip_forward=1", "a"},
      {"a && b && sysctl -w net/ipv4/ip_forward=1 || true; c || d", "a && b; c || d"},
      // What cannot be taken apart stays.
      {"if a; then sysctl -w net.ipv4.ip_forward=1; fi", "if a; then sysctl -w net.ipv4.ip_forward=1; fi"},
      {"a || sysctl -w net.ipv4.ip_forward=1", "a || sysctl -w net.ipv4.ip_forward=1"},
      {"a | sysctl -w net.ipv4.ip_forward=1", "a | sysctl -w net.ipv4.ip_forward=1"},
      {"sysctl -w net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=2",
       "sysctl -w net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=2"},
      {"echo 'sysctl -w net.ipv4.ip_forward=1; a'", "echo 'sysctl -w net.ipv4.ip_forward=1; a'"},
  };
  for (const auto& [line, rest] : table) {
    auto reader = commands();
    EXPECT_EQ(reader.take_up(line, {}), rest) << line;
    EXPECT_EQ(reader.effects().forward.has_value(), line != rest) << line;
  }
}

TEST(WgQuickCommands, WhatComesDownAgainGoesWithIt) {
  auto reader = commands();
  EXPECT_EQ(reader.take_down("sysctl -w net.ipv4.ip_forward=0"), "sysctl -w net.ipv4.ip_forward=0");
  EXPECT_EQ(reader.take_up("sysctl -w net.ipv4.ip_forward=1; ip addr add fe80::1/64 dev wg0", {}), "");
  EXPECT_EQ(reader.take_up("ip route add 10.0.0.0/8 dev %i", {}), "");
  EXPECT_EQ(reader.take_down("a; sysctl -w net.ipv4.ip_forward=0"), "a");
  EXPECT_EQ(reader.take_down("ip -6 addr del fe80::1/64 dev %i; ip route del 10.0.0.0/8 dev %i"), "");
  EXPECT_EQ(reader.take_down("ip route del 10.0.0.0/9 dev %i"), "ip route del 10.0.0.0/9 dev %i");
}

TEST(WgQuickCommands, KeysInFilesAreNamed) {
  auto reader = commands();
  const auto psk = fmt::format("wg set %i peer {} preshared-key /etc/wireguard/%i.psk", kPeerPublicKey);
  EXPECT_EQ(reader.take_up("wg set %i private-key '/etc/my keys/%i.key'", {}), "");
  EXPECT_EQ(reader.effects().private_key_file->value, "/etc/my keys/wg0.key");
  EXPECT_EQ(reader.take_up(psk, {}), "");
  EXPECT_EQ(reader.effects().preshared_key_file->value, "/etc/wireguard/wg0.psk");
  EXPECT_EQ(reader.take_up("cat /etc/wireguard/key | wg set wg0 private-key /dev/stdin", {}), "");
  EXPECT_EQ(reader.effects().private_key_file->value, "/etc/wireguard/key");
  EXPECT_EQ(reader.take_up("wg set %i private-key <(pass show wg)", {}), "");
  EXPECT_EQ(reader.effects().key_command->value, "pass show wg");
  EXPECT_EQ(reader.take_up("pass show vpn | wg set %i private-key /dev/stdin", {}), "");
  EXPECT_EQ(reader.effects().key_command->value, "pass show vpn");
  for (const std::string stays : {"wg set wg1 private-key /k", "wg set %i fwmark 5", "wg set %i private-key $KEY",
                                  "wg set %i peer 2BO4c0XAbZUVu1qN0kaKiU1qWA9F4692YrMi0aIpx1Q= preshared-key /k"}) {
    EXPECT_EQ(reader.take_up(stays, {}), stays);
  }
}

TEST(WgQuickCommands, AddressesComeWithTheirFarEnds) {
  auto reader = commands();
  EXPECT_EQ(reader.take_up("ip addr add 172.20.1.1/32 peer 172.20.2.2/32 dev %i", {}), "");
  EXPECT_EQ(reader.take_up("ip -6 a add dev %i fe80::1/64 scope link", {}), "");
  EXPECT_EQ(reader.take_up("/sbin/ip address add local 10.7.0.1 remote 10.7.0.2/30 dev wg0", {}), "");
  const auto& found = reader.effects().addresses;
  ASSERT_EQ(found.size(), 3);
  EXPECT_EQ(to_string(found[0].address.value), "172.20.1.1/32");
  EXPECT_EQ(to_string(found[0].peer->value), "172.20.2.2");
  EXPECT_EQ(to_string(found[1].address.value), "fe80::1/64");
  EXPECT_EQ(to_string(found[2].address.value), "10.7.0.1/30");
  for (const std::string stays : {"ip addr add 10.7.0.1/30 dev eth0", "ip addr add 10.7.0.1/30 dev %i label x",
                                  "ip addr add 10.7.0.0/30 dev %i", "ip addr flush dev %i"}) {
    EXPECT_EQ(reader.take_up(stays, {}), stays);
  }
}

}  // namespace
}  // namespace adit::config
