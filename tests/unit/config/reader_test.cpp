// SPDX-License-Identifier: MIT
#include "config/reader.h"

#include <gtest/gtest.h>

#include "config/expect_problems.h"
#include "config/folder.h"

namespace adit::config {
namespace {

using namespace std::chrono_literals;

std::string first_problem(const Folder& folder, const std::expected<Config, std::vector<Problem>>& read) {
  return read ? "" : folder.texts(read).at(0);
}

template <class T>
std::vector<std::string> texts_of(const std::vector<T>& values) {
  std::vector<std::string> texts;
  texts.reserve(values.size());
  for (const auto& value : values) texts.push_back(to_string(value));
  return texts;
}

using Texts = std::vector<std::string>;

TEST(Reader, FillsInEveryDefault) {
  const Folder folder;
  const auto config = folder.read(Parts().text());
  ASSERT_TRUE(config) << first_problem(folder, config);
  EXPECT_EQ(config->name, "link");
  EXPECT_EQ(config->file, folder / "link.yaml");
  EXPECT_EQ(config->interface.name, "link");
  EXPECT_FALSE(config->interface.mtu);
  EXPECT_FALSE(config->interface.queue_length);
  EXPECT_FALSE(config->interface.owner);
  EXPECT_FALSE(config->interface.group);
  EXPECT_FALSE(config->interface.persist);
  EXPECT_FALSE(config->interface.multicast);
  EXPECT_TRUE(config->local.listen.address.is_none());
  EXPECT_EQ(config->local.listen.port, 0);
  EXPECT_FALSE(config->local.device);
  EXPECT_FALSE(config->local.fwmark);
  EXPECT_EQ(to_base64(crypto::public_key_of(config->local.private_key)), kOurPublicKey);
  EXPECT_EQ(to_base64(config->peer.public_key), kPeerPublicKey);
  EXPECT_FALSE(config->peer.has_preshared_key);
  EXPECT_TRUE(config->peer.endpoints.empty());
  EXPECT_EQ(config->peer.keepalive, 25s);
  EXPECT_EQ(texts_of(config->peer.allowed_ips), Texts{"10.9.0.0/30"});
  EXPECT_TRUE(config->routes.empty());
  EXPECT_EQ(config->log_level, LogLevel::info);
  EXPECT_EQ(config->tuning.crypto, "auto");
  EXPECT_EQ(config->tuning.tun_offload, Switch::automatic);
  EXPECT_EQ(config->tuning.udp_offload, Switch::automatic);
  EXPECT_FALSE(config->tuning.receive_buffer);
  EXPECT_FALSE(config->tuning.send_buffer);
  EXPECT_FALSE(config->tuning.workers);
  EXPECT_FALSE(config->tuning.copy_dscp);
  EXPECT_TRUE(config->warnings.empty());
}

TEST(Reader, ReadsEveryKeyOfTheProductsExample) {
  const Folder folder;
  folder.write("office.key", std::string(kOurPrivateKey) + "\n");
  folder.write("office.psk", std::string(kPresharedKey) + "\n");
  const auto file = folder.write("office.yaml", fmt::format(R"(interface:
  name: office                  # default: the file's name without .yaml
  addresses: [10.9.0.1/30, "fd09::1/126"]
  mtu: auto                     # or a number
local:
  private_key_file: office.key
  listen: 51820
peer:
  public_key: {}
  preshared_key_file: office.psk
  endpoint: vpn.example.net:51820
  keepalive: 25s
  allowed_ips: [10.9.0.0/30, 192.168.20.0/24]
routes:
  - 192.168.20.0/24
  - {{to: 10.20.0.0/16, metric: 50, table: 100, source: 10.9.0.1}}
log:
  level: info
)",
                                                            kPeerPublicKey));
  const auto config = read_config(file, {});
  ASSERT_TRUE(config) << first_problem(folder, config);
  EXPECT_EQ(config->interface.name, "office");
  EXPECT_EQ(texts_of(config->interface.addresses), (Texts{"10.9.0.1/30", "fd09::1/126"}));
  EXPECT_EQ(config->local.listen.port, 51820);
  EXPECT_TRUE(config->peer.has_preshared_key);
  EXPECT_EQ(reveal_base64(config->peer.preshared_key), kPresharedKey);
  EXPECT_EQ(config->peer.endpoints, (std::vector<EndpointName>{{"vpn.example.net", 51820}}));
  EXPECT_EQ(texts_of(config->peer.allowed_ips), (Texts{"10.9.0.0/30", "192.168.20.0/24"}));
  ASSERT_EQ(config->routes.size(), 2);
  EXPECT_EQ(config->routes[0], (Route{*IpNetwork::parse("192.168.20.0/24"), {}, {}, {}}));
  EXPECT_EQ(config->routes[1], (Route{*IpNetwork::parse("10.20.0.0/16"), 50, 100, IpAddress::parse("10.9.0.1")}));
  // The example's second route is outside its own allowed_ips: worth a warning, no reason to refuse the file.
  ASSERT_EQ(config->warnings.size(), 1);
  EXPECT_EQ(config->warnings[0].key, "routes[1]");
}

TEST(Reader, ReadsTheFurtherKeys) {
  const Folder folder;
  const auto config = folder.read(fmt::format(R"(interface:
  name: "t-1.2_x"
  addresses: [10.9.0.1/30, fd09::1/126, 10.9.1.1/32]
  peer_addresses: [10.9.0.2, "fd09::2", 10.9.1.2]
  mtu: 1380
  queue_length: 500
  owner: root
  group: 12
  persist: true
  multicast: true
local:
  private_key: {}
  listen: "[2001:db8::1]:0"
  device: eth0
  fwmark: 0xca6c
peer:
  public_key: "{}"
  preshared_key: {}
  endpoint: ["[2001:db8::7]:51820", vpn.example.net.:1]
  keepalive: off
log: {{level: trace}}
tuning:
  crypto: libipsec-mb
  tun_offload: off
  udp_offload: on
  receive_buffer: 4M
  send_buffer: 0x80000
  workers: 5
  copy_dscp: true
  mss_clamp: off
  path_probe: off
)",
                                              kOurPrivateKey, kPeerPublicKey, kPresharedKey));
  ASSERT_TRUE(config) << first_problem(folder, config);
  EXPECT_EQ(config->interface.name, "t-1.2_x");
  EXPECT_EQ(texts_of(config->interface.peer_addresses), (Texts{"10.9.0.2", "fd09::2", "10.9.1.2"}));
  EXPECT_EQ(config->interface.mtu, 1380);
  EXPECT_EQ(config->interface.queue_length, 500);
  EXPECT_EQ(config->interface.owner, 0);
  EXPECT_EQ(config->interface.group, 12);
  EXPECT_TRUE(config->interface.persist);
  EXPECT_TRUE(config->interface.multicast);
  EXPECT_EQ(to_string(config->local.listen.address), "2001:db8::1");
  EXPECT_EQ(config->local.listen.port, 0);
  EXPECT_EQ(config->local.device, "eth0");
  EXPECT_EQ(config->local.fwmark, 0xca6c);
  EXPECT_EQ(config->peer.endpoints, (std::vector<EndpointName>{{"2001:db8::7", 51820}, {"vpn.example.net.", 1}}));
  EXPECT_FALSE(config->peer.keepalive);
  EXPECT_EQ(config->log_level, LogLevel::trace);
  EXPECT_EQ(config->tuning, (Tuning{"libipsec-mb", Switch::off, Switch::on, 4'194'304, 524'288, 5,
                                    MssClamp{.on = false}, false, true, 0}));
}

TEST(Reader, WritesDefaultRoutesOutForBothFamiliesAndThoseOfATableForTheInterfacesOwn) {
  const Folder folder;
  const auto v4 = folder.read(Parts{.rest = "routes: [default]\n"}.text());
  ASSERT_TRUE(v4) << first_problem(folder, v4);
  ASSERT_EQ(v4->routes.size(), 2);
  EXPECT_EQ(to_string(v4->routes[0].to), "0.0.0.0/0");
  EXPECT_EQ(to_string(v4->routes[1].to), "::/0");
  EXPECT_EQ(texts_of(v4->peer.allowed_ips), (Texts{"10.9.0.0/30", "0.0.0.0/0", "::/0"}));
  EXPECT_EQ(v4->interface.kill_switch, KillSwitch::automatic);

  const auto table = folder.read(Parts{.rest = "routes: [{to: default, table: 7}]\n"}.text());
  ASSERT_TRUE(table) << first_problem(folder, table);
  EXPECT_EQ(table->routes, (std::vector<Route>{{*IpNetwork::parse("0.0.0.0/0"), {}, 7, {}}}));
  const auto outside = folder.read(Parts{.rest = "routes: [0.0.0.0/0]\n"}.text());
  ASSERT_TRUE(outside) << first_problem(folder, outside);
  EXPECT_EQ(outside->routes.size(), 1);

  const auto both = folder.read(
      Parts{.interface = "  addresses: [10.9.0.1/30, fd09::1/126]\n", .rest = "routes: [{to: default, table: 7}]\n"}
          .text());
  ASSERT_TRUE(both) << first_problem(folder, both);
  ASSERT_EQ(both->routes.size(), 2);
  EXPECT_EQ(both->routes[0], (Route{*IpNetwork::parse("0.0.0.0/0"), {}, 7, {}}));
  EXPECT_EQ(both->routes[1], (Route{*IpNetwork::parse("::/0"), {}, 7, {}}));
}

TEST(Reader, AllowsTheInterfacesSubnetsAndAllRoutesByDefaultEachOnce) {
  const Folder folder;
  const auto config = folder.read(
      Parts{.rest = "routes: [192.168.20.0/24, {to: 192.168.20.0/24, table: 7}, {to: 10.9.0.0/30, table: 7}]\n"}
          .text());
  ASSERT_TRUE(config) << first_problem(folder, config);
  EXPECT_EQ(config->routes.size(), 3);
  EXPECT_EQ(texts_of(config->peer.allowed_ips), (Texts{"10.9.0.0/30", "192.168.20.0/24"}));
}

TEST(Reader, KnowsTheNamesOfRoutingTables) {
  const Folder folder;
  const auto config =
      folder.read(Parts{.rest = "routes: [{to: 10.1.0.0/16, table: main}, {to: 10.2.0.0/16, table: default},"
                                " {to: 10.3.0.0/16, table: local}, {to: 10.4.0.0/16, table: 4294967295}]\n"}
                      .text());
  ASSERT_TRUE(config) << first_problem(folder, config);
  EXPECT_EQ(config->routes[0].table, 254);
  EXPECT_EQ(config->routes[1].table, 253);
  EXPECT_EQ(config->routes[2].table, 255);
  EXPECT_EQ(config->routes[3].table, 4294967295);
}

TEST(Reader, WarnsOfRoutesThatAllowedIpsDoNotCoverPieceByPiece) {
  const Folder folder;
  const auto with = [&](std::string_view allowed, std::string_view route) {
    auto parts = Parts{.rest = fmt::format("routes: [\"{}\"]\n", route)};
    parts.interface = "  addresses: [10.9.0.1/30, fd09::1/126]\n";
    parts.peer += fmt::format("  allowed_ips: [{}]\n", allowed);
    const auto config = folder.read(parts.text());
    EXPECT_TRUE(config) << first_problem(folder, config);
    return config ? config->warnings.size() : 99;
  };
  EXPECT_EQ(with("0.0.0.0/1, 128.0.0.0/1", "0.0.0.0/0"), 0);
  EXPECT_EQ(with("0.0.0.0/1, 128.0.0.0/2", "0.0.0.0/0"), 1);
  EXPECT_EQ(with("192.168.0.0/16", "192.168.20.0/24"), 0);
  EXPECT_EQ(with("192.168.20.0/24", "192.168.0.0/16"), 1);
  EXPECT_EQ(with("'::/1', '8000::/1'", "::/0"), 0);
  EXPECT_EQ(with("'fd20::/65', 'fd20::8000:0:0:0/65'", "fd20::/64"), 0);
  EXPECT_EQ(with("10.0.0.1/32", "10.0.0.1/32"), 0);
  EXPECT_EQ(with("10.0.0.2/32", "10.0.0.1/32"), 1);
  EXPECT_EQ(with("0.0.0.0/0", "fd20::/64"), 1);
}

TEST(Reader, ReportsEverythingInOneGoInTheFilesOrder) {
  const Folder folder;
  expect_problems(folder,
                  R"(log: {level: loud}
peer:
  endpoint: vpn.example.net
  keepalive: 25
  publik_key: x
interface:
  mtu: 100
  addresses: [10.9.0.0/30, 10.9.0.300/30]
routes: 10.0.0.0/8
local:
  listen: 70000
)",
                  {
                      {"1:14: log.level", "\"loud\" is not a log level; choose trace, debug, info, warn or error"},
                      {"2:1: peer.public_key", "is missing"},
                      {"3:13: peer.endpoint", "has no port"},
                      {"4:14: peer.keepalive", "such as 25s or 2m (or off)"},
                      {"5:3: peer.publik_key", "did you mean public_key?"},
                      {"7:8: interface.mtu", "\"100\" is not auto or a whole number from 576 to 65455"},
                      {"8:15: interface.addresses[0]", "is the subnet itself"},
                      {"8:28: interface.addresses[1]", "is not an address"},
                      {"9:9: routes", "is a single value; write a list, such as [192.168.20.0/24]"},
                      {"10:1: local.private_key_file", "is missing"},
                      {"11:11: local.listen", "port \"70000\" is out of range"},
                  });
}

TEST(Reader, NamesLinksAfterTheirFiles) {
  const Folder folder;
  const auto problem_of = [&](std::string_view name) {
    return first_problem(folder, read_config(folder.write(name, Parts().text()), {}));
  };
  EXPECT_EQ(problem_of("a_b-c.d.yaml"), "");
  EXPECT_EQ(problem_of("link.yml"), "link.yml: is not named NAME.yaml; the link gets its NAME from there");
  EXPECT_EQ(problem_of("link"), "link: is not named NAME.yaml; the link gets its NAME from there");
  EXPECT_NE(problem_of("my link.yaml").find("my link.yaml: must be renamed: \"my link\" is not a valid name"),
            std::string::npos);
  EXPECT_NE(problem_of("-x.yaml").find("is not a valid name"), std::string::npos);
  EXPECT_NE(problem_of("...yaml").find("is not a valid name"), std::string::npos);
  EXPECT_NE(problem_of(".yaml").find("is not a valid name"), std::string::npos);
  EXPECT_NE(problem_of(std::string(65, 'x') + ".yaml").find("is longer than 64 bytes"), std::string::npos);
  EXPECT_NE(problem_of("sixteen-letters-.yaml")
                .find("sixteen-letters-.yaml:1:1: interface.name: is missing, and the "
                      "file's own name cannot replace it"),
            std::string::npos);
}

}  // namespace
}  // namespace adit::config
