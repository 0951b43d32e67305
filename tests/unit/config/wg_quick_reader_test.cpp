// SPDX-License-Identifier: MIT
#include "config/wg_quick_reader.h"

#include <gtest/gtest.h>

#include "config/folder.h"
#include "config/writer.h"

namespace adit::config {
namespace {

/// As it stands valid: [Interface] is line 1, [Peer] line 4, more keys of it start at line 7.
struct File {
  std::string interface;
  std::string peer;

  std::string text() const {
    return fmt::format(
        "[Interface]\nPrivateKey = {}\nAddress = 10.9.0.1/30\n{}[Peer]\nPublicKey = {}\nAllowedIPs = 10.9.0.0/30\n{}",
        kOurPrivateKey, interface, kPeerPublicKey, peer);
  }
};

auto read(std::string_view text) {
  return read_wg_quick(text, {"wg0.conf", "wg0", "wg0"});
}

std::string yaml_of(std::string_view text) {
  const auto config = read(text);
  if (!config) return "problem: " + to_string(config.error()[0]);
  return to_yaml(*config, "");
}

/// The YAML behind the interface's addresses and the keys.
std::string rest_of(const File& file) {
  auto yaml = yaml_of(file.text());
  for (const auto& known :
       {fmt::format("interface:\n  addresses: [10.9.0.1/30]\n"),
        fmt::format("local:\n  private_key: {}\n", kOurPrivateKey),
        fmt::format("peer:\n  public_key: {}\n", kPeerPublicKey), std::string("  keepalive: off\n")}) {
    const auto at = yaml.find(known);
    if (at != std::string::npos) yaml.erase(at, known.size());
  }
  return yaml;
}

void expect_problems(const std::string& text, const std::vector<std::string>& expected) {
  SCOPED_TRACE(text);
  const auto config = read(text);
  std::string all;
  for (const auto& problem : config ? std::vector<Problem>() : config.error()) all += to_string(problem) + "\n";
  ASSERT_EQ(config ? 0 : config.error().size(), expected.size()) << all;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_TRUE(to_string(config.error()[i]).starts_with(expected[i])) << "wanted: " << expected[i] << "\n" << all;
  }
  EXPECT_EQ(all.find(kOurPrivateKey), std::string::npos) << "a secret in the message";
}

void expect_notes(const File& file, const std::vector<std::string>& expected) {
  SCOPED_TRACE(file.text());
  const auto config = read(file.text());
  ASSERT_TRUE(config) << to_string(config.error()[0]);
  std::string all;
  for (const auto& note : config->warnings) all += to_string(note) + "\n";
  ASSERT_EQ(config->warnings.size(), expected.size()) << all;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_TRUE(to_string(config->warnings[i]).starts_with(expected[i])) << "wanted: " << expected[i] << "\n" << all;
  }
}

TEST(WgQuickReader, ReadsAWholeFile) {
  const auto text = fmt::format(R"([Interface]
PrivateKey = {}
Address = 10.9.0.1/30, fd09::1/126
ListenPort = 51820
MTU = 1380
FwMark = 0xca6c
PostUp = ip rule add from 10.9.0.1 table 100
PreDown = ip rule del from 10.9.0.1 table 100

[Peer]
# The office.
PublicKey = {}
PresharedKey = {}
Endpoint = vpn.example.net:51820
AllowedIPs = 10.9.0.0/30, fd09::/126, 192.168.20.0/24
PersistentKeepalive = 21
)",
                                kOurPrivateKey, kPeerPublicKey, kPresharedKey);
  EXPECT_EQ(yaml_of(text), fmt::format(R"(interface:
  addresses: [10.9.0.1/30, "fd09::1/126"]
  mtu: 1380
local:
  private_key: {}
  listen: 51820
  fwmark: 0xca6c
peer:
  public_key: {}
  preshared_key: {}
  endpoint: vpn.example.net:51820
  keepalive: 21s
routes:
  - 192.168.20.0/24
hooks:
  up: {{command: "ip rule add from 10.9.0.1 table 100", required: true}}
  down: "ip rule del from 10.9.0.1 table 100"
)",
                                       kOurPrivateKey, kPeerPublicKey, kPresharedKey));
}

TEST(WgQuickReader, TakesWhatWgQuickTakes) {
  const auto plain =
      yaml_of(File{"ListenPort = 7\n", "Endpoint = [2001:db8::7]:51820\nPersistentKeepalive = off\n"}.text());
  EXPECT_NE(plain.find("endpoint: \"[2001:db8::7]:51820\""), std::string::npos) << plain;
  const auto key = std::string(kOurPrivateKey);
  const auto peer = std::string(kPeerPublicKey);
  EXPECT_EQ(plain, yaml_of("\xef\xbb\xbf# BOM\r\n  [interface] # comment\r\nprivatekey=" + key +
                           "#x\r\n\tADDRESS = 10.9.0.1/30 \r\nlistenport = 7\r\n\r\n[PEER]\r\npublicKEY =" + peer +
                           "\r\nallowedips=10.9.0.3/30\r\nEndpoint=[2001:DB8::7]:51820"));
  EXPECT_EQ(plain,
            yaml_of("[Peer]\nPersistentKeepalive = 0\nPublicKey = " + peer + "\nAllowedIPs =10.9.0.0/30,10.9.0.0/30\n" +
                    "AllowedIPs =\nEndpoint = [2001:db8::7]:51820\n[Interface]\nListenPort = 7\nPrivateKey = " + key +
                    "\nAddress =\nAddress = 10.9.0.1/30,\n"));
}

TEST(WgQuickReader, AnAddressWithoutAPrefixIsASingleOne) {
  const auto config =
      read(fmt::format("[Interface]\nPrivateKey={}\nAddress=10.9.0.1 fd09::1\n[Peer]\nPublicKey={}\n"
                       "AllowedIPs=10.9.0.2, 10.9.0.1/32, fd09::/64",
                       kOurPrivateKey, kPeerPublicKey));
  ASSERT_TRUE(config);
  EXPECT_EQ(to_string(config->interface.addresses[0]), "10.9.0.1/32");
  EXPECT_EQ(to_string(config->interface.addresses[1]), "fd09::1/128");
  ASSERT_EQ(config->routes.size(), 2);
  EXPECT_EQ(to_string(config->routes[0].to), "10.9.0.2/32");
  EXPECT_EQ(to_string(config->routes[1].to), "fd09::/64");
}

TEST(WgQuickReader, RoutesWhatWgQuickRoutes) {
  EXPECT_EQ(rest_of({"", "AllowedIPs = 192.168.20.0/24, 10.9.0.2/32, 0.0.0.0/0\n"}),
            "  allowed_ips: [10.9.0.0/30, 192.168.20.0/24, 10.9.0.2/32, 0.0.0.0/0]\nroutes:\n  - 192.168.20.0/24\n  - "
            "0.0.0.0/0\n");
  EXPECT_EQ(rest_of({"Table = auto\n", "AllowedIPs = 10.0.0.0/8\n"}), "routes:\n  - 10.0.0.0/8\n");
  EXPECT_EQ(rest_of({"Table = off\n", "AllowedIPs = 10.0.0.0/8\n"}), "  allowed_ips: [10.9.0.0/30, 10.0.0.0/8]\n");
  EXPECT_EQ(rest_of({"Table = 100\n", "AllowedIPs = 0.0.0.0/0\n"}),
            "routes:\n  - {to: 10.9.0.0/30, table: 100}\n  - {to: 0.0.0.0/0, table: 100}\n");
  EXPECT_EQ(rest_of({"Table = main\n", "AllowedIPs = 0.0.0.0/0\n"}), "routes:\n  - {to: 0.0.0.0/0, table: 254}\n");
  EXPECT_EQ(
      rest_of({"Table = off\nPostUp = ip route add 10.0.0.0/8 dev %i metric 5 table 7\n", "AllowedIPs = 10.0.0.0/8\n"}),
      "routes:\n  - {to: 10.0.0.0/8, metric: 5, table: 7}\n");
}

TEST(WgQuickReader, SaysWhatHasNoEqual) {
  expect_notes({"DNS = lan, example.com\nSaveConfig = true\nTable = auto\n", ""},
               {"wg0.conf:4:7: DNS: is not carried over", "wg0.conf:5:14: SaveConfig: is not carried over"});
  expect_notes({"SaveConfig = false\nDNS =\n", ""}, {"wg0.conf:5:1: DNS: is empty"});
  expect_notes({"", "AllowedIPs = 0.0.0.0/0, ::/0\n"}, {"wg0.conf:7:25: AllowedIPs: ::/0 blocks IPv6"});
  expect_notes({"Table = 7\n", "AllowedIPs = 0.0.0.0/0, ::/0\n"}, {"wg0.conf:8:25: AllowedIPs: ::/0 is not routed"});
  expect_notes({"ExcludedApplications = com.example.a\n", ""},
               {"wg0.conf:4:24: ExcludedApplications: is not carried over"});
  expect_notes({"PreUp = a\nPostUp = b\nPreDown = c\nPostDown = d\n", ""},
               {"wg0.conf:4:9: PreUp: runs later", "wg0.conf:4:9: PreUp: runs as the user adit",
                "wg0.conf:7:12: PostDown: runs earlier"});
  expect_notes({"MTU = 1400\nMTU = 1300\nMTU = 1200\n", ""},
               {"wg0.conf:5:7: MTU: replaces line 4", "wg0.conf:6:7: MTU: replaces line 5"});
}

TEST(WgQuickReader, ALineWithSpacesThatAreNoneIsTakenAndToldOnce) {
  expect_notes(
      {"MTU =\xc2\xa0\xc2\xa0"
       "1400\nFwMark =\xe2\x80\x83"
       "7\n",
       ""},
      {"wg0.conf:4:6: a no-break space (U+00A0) stands here", "wg0.conf:5:9: an em space (U+2003) stands here"});
  expect_notes({"# the\xc2\xa0office\n", ""}, {});
}

TEST(WgQuickReader, APeersNameIsInTheCommentBesideOrRightBelowItsHeading) {
  const auto names = peer_names(
      "[Interface]\n# here\n[Peer]\n# left\nPublicKey = x\n[Peer]\nPublicKey = x\n# a note\n[Peer] # right\n", "");
  EXPECT_EQ(names, (std::vector<std::string>{"here", "", "right"}));
  EXPECT_EQ(peer_names("[Interface]\n\n[Peer]\n# left\nPublicKey = x\n\n[Peer]\nPublicKey = x\n# a note\n", ""),
            (std::vector<std::string>{"left", ""}));
}

TEST(WgQuickReader, CountsThePeersThatItReads) {
  EXPECT_EQ(peer_names("[Interface]\n# one\n[Peer]\n# two\n[Peer]\xc2\xa0\n# three\n[Peer]\n", ""),
            (std::vector<std::string>{"one", "two", "three"}));
  const auto none = peer_names("[Interface]\n", "wg0.conf");
  ASSERT_FALSE(none);
  EXPECT_TRUE(none.error()[0].reason.starts_with("there is no [Peer]")) << to_string(none.error()[0]);
}

TEST(WgQuickReader, ForwardingIsAKeyOfItsOwn) {
  EXPECT_EQ(rest_of({"PostUp = sysctl -w net.ipv4.ip_forward=1\n", ""}), "  forward: true\n");
}

TEST(WgQuickReader, NameServersAreAskedForAllNamesAsWithWgQuick) {
  EXPECT_EQ(rest_of({"DNS = 10.9.0.2, example.com\nDNS = fd09::2 lan\n", ""}),
            "dns:\n  servers: [10.9.0.2, \"fd09::2\"]\n  domains: [example.com, lan, \"~.\"]\n");
  EXPECT_EQ(rest_of({"DNS = 10.9.0.2\n", ""}), "dns:\n  servers: [10.9.0.2]\n  domains: [\"~.\"]\n");
  EXPECT_EQ(rest_of({"DNS = lan\n", ""}), "");
  expect_problems(File{"DNS = 10.9.0.299, a_b\n", ""}.text(), {"wg0.conf:4:7: DNS: \"10.9.0.299\" is not an IP address",
                                                               "wg0.conf:4:19: DNS: \"a_b\" is not a domain"});
}

TEST(WgQuickReader, HooksOfFourMomentsBecomeTwoInOrder) {
  EXPECT_EQ(rest_of({"PostUp = b\nPreUp = a %i\nPostDown = d\nPreDown = c\n", ""}),
            "hooks:\n  up: [{command: \"a $ADIT_INTERFACE\", required: true}, {command: b, required: true}]\n"
            "  down: [c, d]\n");
}

TEST(WgQuickReader, FindsEveryProblemInOneGo) {
  expect_problems(
      "[Interface]\nPrivateKy = x\nAddress = 10.9.0.0/30, 10.9.0.300\nMTU = 12\nTable = office\nEndpoint = a:1\n"
      "nonsense\n[Nobody]\nx = y\n[Peer]\nPublicKey = short\nPersistentKeepalive = 70000\nAllowedIPs = 1/8\n",
      {"wg0.conf:2:13: PrivateKy: unknown key; did you mean PrivateKey?",
       "wg0.conf:3:11: Address: \"10.9.0.0/30\" is the subnet itself", "wg0.conf:3:24: Address: \"10.9.0.300\" is not",
       "wg0.conf:4:7: MTU: \"12\" is not an MTU", "wg0.conf:5:9: Table: \"office\" is not a routing table",
       "wg0.conf:6:12: Endpoint: belongs into [Peer]", "wg0.conf:7:1: \"nonsense\" is no line",
       "wg0.conf:8:1: \"[Nobody]\" is no section", "wg0.conf:11:13: PublicKey: is 5 characters long",
       "wg0.conf:12:23: PersistentKeepalive: \"70000\" is no number from 0 to 65535, nor off",
       "wg0.conf:13:14: AllowedIPs: \"1/8\" is not a subnet"});
  expect_problems("PrivateKey = x\nAddress = y\n", {"wg0.conf:1:14: stands before any section"});
  expect_problems("[Peer]\nPublicKey = x\n", {"wg0.conf:1:1: there is no [Interface]"});
  expect_problems("[Interface]\nPrivateKey = x\n", {"wg0.conf:1:1: there is no [Peer]"});
  expect_problems(File{"", "[Peer]\nPublicKey = x\n[Peer]\n"}.text(),
                  {"wg0.conf: has 3 peers, and an Adit link has one: import one of them with --peer N",
                   "wg0.conf:4:1: peer 1: rpvIuiqU85fsmv4kvk55KkS3/jEfjtozVrHa5QdAXE4=, 10.9.0.0/30, it calls",
                   "wg0.conf:7:1: peer 2: a key that is none", "wg0.conf:9:1: peer 3: no PublicKey"});
  expect_problems(File{"Address = 10.9.0.2/30\nListenPort =\n", ""}.text(), {});
  expect_problems(
      File{"Address = 10.9.0.1/32\n", "PublicKey = x\n"}.text(),
      {"wg0.conf:4:11: Address: 10.9.0.1 is given twice", "wg0.conf:8:13: PublicKey: is there already (line 6)",
       "wg0.conf:8:13: PublicKey: is 1 characters long"});
  expect_problems("[Interface]\nPostUp = \xff\n", {"wg0.conf:2:10: is not UTF-8"});
  expect_problems(fmt::format("[Interface]\n{} = 1\n", kOurPrivateKey.substr(0, 43)),
                  {"wg0.conf:1:1: there is no [Peer]", "wg0.conf:2:47: unknown key; known in [Interface]: PrivateKey"});
}

TEST(WgQuickReader, TakesNoMoreHooksThanCanRun) {
  std::string hooks;
  for (std::size_t i = 0; i < kMaxHooks; ++i) hooks += "PostUp = a\n";
  EXPECT_TRUE(read(File{hooks, ""}.text()));
  expect_problems(File{hooks + "PostUp = b\nPostUp = c\n", ""}.text(),
                  {"wg0.conf:20:10: PostUp: is one too many; Adit runs 16"});
}

TEST(WgQuickReader, NoKeepaliveIsNoneAndNotAditsDefault) {
  for (const std::string line : {"", "PersistentKeepalive = 0\n", "PersistentKeepalive = off\n"}) {
    const auto config = read(File{"", line}.text());
    ASSERT_TRUE(config);
    EXPECT_FALSE(config->peer.keepalive);
  }
}

TEST(WgQuickReader, AnAllZeroPresharedKeyIsNone) {
  EXPECT_EQ(rest_of({"", "PresharedKey = AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"}), "");
  expect_problems(
      "[Interface]\nPrivateKey = AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\nAddress = 10.0.0.1\n[Peer]\nPublicKey=" +
          std::string(kPeerPublicKey) + "\nAllowedIPs=10.0.0.2",
      {"wg0.conf:2:14: PrivateKey: is all zero"});
}

}  // namespace
}  // namespace adit::config
