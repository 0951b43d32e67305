// SPDX-License-Identifier: MIT
#include "config/writer.h"

#include <gtest/gtest.h>

#include "config/folder.h"

namespace adit::config {
namespace {

std::string dump(const Hook& hook) {
  auto all = fmt::format("{} {} {}", hook.shell, hook.timeout.count(), hook.required);
  for (const auto& word : hook.words) all += fmt::format(" <{}>", word);
  return all;
}

/// Everything of a Config, secrets as they are, for comparison.
std::string dump(const Config& config) {
  const auto& [name, file, interface, local, peer, routes, level, tuning, hooks, dns, missing, link_number, key_files,
               warnings] = config;
  std::string all = fmt::format("{} {} {} {} {} {} {} {} {} {}\n", name, interface.name, interface.persist,
                                interface.multicast, static_cast<int>(interface.kill_switch), interface.netns,
                                link_number, missing.private_key, missing.peer, static_cast<int>(level));
  const auto& tap = interface.tap;
  all += fmt::format("{} {} {} {} {} {}\n", static_cast<int>(interface.mode), to_string(tap.mac),
                     tap.given_mac.has_value(), tap.bridge, to_string(tap.ours), to_string(tap.peers));
  for (const auto& address : interface.addresses) all += to_string(address) + " ";
  for (const auto& address : interface.peer_addresses) all += to_string(address) + " ";
  for (const auto& number : {interface.mtu, interface.queue_length, interface.owner, interface.group, local.fwmark}) {
    all += number ? fmt::format("{} ", *number) : "- ";
  }
  all += fmt::format("\n{} {} {} {}\n", crypto::reveal_base64(local.private_key), to_string(local.listen.address),
                     local.listen.port, local.device.value_or("-"));
  for (const auto& uplink : local.uplinks) all += uplink + " ";
  all += fmt::format("{} {} {}\n", to_base64(peer.public_key), peer.has_preshared_key,
                     crypto::reveal_base64(peer.preshared_key));
  for (const auto& endpoint : peer.endpoints) all += fmt::format("{} {} ", endpoint.host, endpoint.port);
  all += peer.keepalive ? fmt::format("{}\n", peer.keepalive->count()) : "off\n";
  for (const auto& subnet : peer.allowed_ips) all += to_string(subnet) + " ";
  for (const auto& route : routes) {
    all += fmt::format("\n{} {} {} {}", to_string(route.to), route.metric.value_or(0), route.table.value_or(0),
                       to_string(route.source.value_or(IpAddress())));
  }
  all += fmt::format("\n{} {} {} {} {} {} {}", tuning.crypto, static_cast<int>(tuning.tun_offload),
                     static_cast<int>(tuning.udp_offload), tuning.receive_buffer.value_or(0),
                     tuning.send_buffer.value_or(0), tuning.workers.value_or(0), tuning.copy_dscp);
  all +=
      fmt::format("\n{} {} {} {}", tuning.mss_clamp.on, tuning.mss_clamp.most, tuning.path_probe, tuning.storm_limit);
  for (const auto& hook : hooks.up) all += "\nup " + dump(hook);
  for (const auto& hook : hooks.down) all += "\ndown " + dump(hook);
  for (const auto& hook : hooks.state) all += "\nstate " + dump(hook);
  for (const auto& server : dns.servers) all += "\ndns " + to_string(server);
  for (const auto& domain : dns.domains) all += "\ndns " + domain;
  return all;
}

Config read(const Folder& folder, const std::string& text) {
  auto config = folder.read(text);
  if (!config) ADD_FAILURE() << folder.texts(config)[0] << "\n" << text;
  return config ? std::move(*config) : Config();
}

TEST(Writer, WritesWhatReadsBackTheSame) {
  const Folder folder;
  const auto full = fmt::format(R"(interface:
  name: "'t\"-\\#"
  addresses: [10.9.0.1/30, fd09::1/126, 10.9.1.1/32]
  peer_addresses: [10.9.0.2, "fd09::2"]
  mtu: 1380
  queue_length: 500
  owner: 7
  group: 12
  persist: true
  multicast: true
local:
  private_key: {}
  listen: "[2001:db8::1]:51821"
  device: "123"
  fwmark: 51820
peer:
  public_key: {}
  preshared_key: {}
  endpoint: ["[2001:db8::7]:51820", vpn.example.net:1]
  keepalive: 2m
  allowed_ips: ["::/0", 0.0.0.0/0]
routes:
  - default
  - {{to: 10.20.0.0/16, metric: 50, table: 100, source: 10.9.0.1}}
  - "fd20::/64"
log:
  level: trace
tuning:
  crypto: libsodium
  tun_offload: on
  udp_offload: off
  receive_buffer: 4M
  send_buffer: 65537
  workers: 3
  copy_dscp: true
  mss_clamp: 1300
  path_probe: off
hooks:
  up:
    - ip rule add from 10.9.0.1 table 100
    - {{command: [printf, "%s\n", "a b", "true"], timeout: 30s, required: true}}
    - command: |
        echo "up: $ADIT_LINK"  # not a comment of the file's
        a	tab 'and' \back\slashes\
    - {{command: "1\t\e\x7f€", timeout: 10s}}
  down: {{command: [restart], timeout: 5m}}
  state: [echo, {{command: [a, b], timeout: 1s}}]
dns:
  servers: [10.9.0.2, "fd09::2"]
  domains: [example.com., lan, ~example.net, ~.]
)",
                                kOurPrivateKey, kPeerPublicKey, kPresharedKey);
  const std::string texts[] = {
      Parts().text(),
      full,
      Parts{.local = Parts().local + "  listen: 192.0.2.1:0\n",
            .peer = Parts().peer + "  keepalive: off\n  endpoint: 192.0.2.7:1\n"}
          .text(),
      Parts{.rest = "tuning: {tun_offload: off, udp_offload: on, receive_buffer: 1G, send_buffer: 65K}\n"}.text(),
      Parts{.interface = Parts().interface + "  name: off\n", .local = Parts().local + "  listen: 5\n  device: true-\n"}
          .text(),
      Parts{.interface = Parts().interface + "  netns: \"12\"\n", .rest = "routes: [{to: default, metric: 5}]\n"}
          .text(),
      Parts{.interface = Parts().interface + "  netns: /proc/1/ns/net\n"}.text(),
      Parts{.local = Parts().local + "  device: [eth0, \"5\"]\n"}.text(),
      Parts{.interface = "  mode: tap\n", .rest = "tuning:\n  storm_limit: 500\n"}.text(),
      Parts{.interface = "  mode: tap\n  mac: 02:00:00:00:00:01\n  bridge: \"5\"\n  tunnel_address: fd09::1/64\n"
                         "  tunnel_peer: fd09::2\n"}
          .text(),
      Parts{.interface = "  mode: tap\n  addresses: [10.9.0.1/24]\n  tunnel_address: 10.8.0.1/31\n"}.text(),
  };
  for (const auto& text : texts) {
    const auto first = read(folder, text);
    const auto second = read(folder, to_yaml(first, "A comment\nof two lines"));
    EXPECT_EQ(dump(first), dump(second));
  }
}

TEST(Writer, WritesSizesInTheUnitThatLeavesNothingOver) {
  const Folder folder;
  const auto written = [&](std::string_view size) {
    return to_yaml(read(folder, Parts{.rest = fmt::format("tuning: {{send_buffer: {}}}\n", size)}.text()), "");
  };
  EXPECT_EQ(written("1048576K"), Parts{.rest = "tuning:\n  send_buffer: 1G\n"}.text());
  EXPECT_EQ(written("4194304"), Parts{.rest = "tuning:\n  send_buffer: 4M\n"}.text());
  EXPECT_EQ(written("1536KiB"), Parts{.rest = "tuning:\n  send_buffer: 1536K\n"}.text());
  EXPECT_EQ(written("65537"), Parts{.rest = "tuning:\n  send_buffer: 65537\n"}.text());
}

TEST(Writer, WritesAHookInTheShortestWayThatSaysIt) {
  const Folder folder;
  const auto written = [&](std::string_view hooks) {
    const auto yaml = to_yaml(read(folder, Parts{.rest = fmt::format("hooks: {}\n", hooks)}.text()), "");
    return yaml.substr(Parts().text().size());
  };
  EXPECT_EQ(written("{up: [{command: a b, timeout: 10s, required: false}]}"), "hooks:\n  up: \"a b\"\n");
  EXPECT_EQ(written("{down: {command: [a]}}"), "hooks:\n  down: {command: [a]}\n");
  EXPECT_EQ(written("{down: {command: a, timeout: 1m}, up: [a, b]}"),
            "hooks:\n  up: [a, b]\n  down: {command: a, timeout: 60s}\n");
  EXPECT_EQ(written("{up: [], down: []}"), "");
}

TEST(Writer, WritesTheNameOfAFilePlainlyWhereItIsPlain) {
  const Folder folder;
  auto config = read(folder, Parts().text());
  for (const auto& [file, written] : {std::pair("/etc/adit/Key.file_0-9", "/etc/adit/Key.file_0-9"),
                                      std::pair("/etc/a key", "\"/etc/a key\""), std::pair("key", "key")}) {
    config.local.private_key_file = file;
    const auto yaml = to_yaml(config, "");
    EXPECT_TRUE(yaml.contains(fmt::format("private_key_file: {}\n", written))) << yaml;
  }
}

TEST(Writer, LeavesDefaultsOut) {
  const Folder folder;
  EXPECT_EQ(to_yaml(read(folder, Parts{.rest = "log: {level: info}\nroutes: []\ntuning: {crypto: auto}\n"}.text()),
                    "Made by a test."),
            "# Made by a test.\n" + Parts().text());
}

}  // namespace
}  // namespace adit::config
