// SPDX-License-Identifier: MIT
// Random configurations of all that wg-quick can say, there and back; and files that were damaged at random.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <tuple>

#include "config/folder.h"
#include "config/validate.h"
#include "config/wg_quick_reader.h"
#include "config/wg_quick_writer.h"
#include "config/writer.h"

namespace adit::config {
namespace {

class RandomConfig {
 public:
  explicit RandomConfig(unsigned seed) : random_(seed) {}

  std::uint32_t below(std::size_t n) { return static_cast<std::uint32_t>(random_() % n); }
  bool maybe() { return below(2) == 0; }

  Config make() {
    Config config;
    config.name = config.interface.name = "link";
    config.local.private_key = *crypto::parse_private_key(kOurPrivateKey);
    config.peer.public_key = *crypto::parse_public_key(kPeerPublicKey);
    if (maybe()) {
      config.peer.preshared_key = *crypto::parse_preshared_key(kPresharedKey);
      config.peer.has_preshared_key = true;
    }
    const auto families = 1 + below(3);
    if (families != 2) config.interface.addresses.push_back(pick({"10.9.0.1/30", "10.9.0.7/24", "10.9.0.1/32"}));
    if (families != 1) config.interface.addresses.push_back(pick({"fd09::1/126", "fd09::1/64", "fd09::1/128"}));
    if (maybe()) config.interface.mtu = 1280 + below(9000);
    if (maybe()) config.local.listen.port = static_cast<std::uint16_t>(below(65536));
    if (below(3) == 0) config.local.fwmark = below(1ULL << 32);
    if (maybe()) config.peer.endpoints.push_back({maybe() ? "vpn.example.net" : "2001:db8::7", 51820});
    config.peer.keepalive.reset();
    if (maybe()) config.peer.keepalive = std::chrono::seconds(1 + below(65535));
    add_routes(config, families);
    for (auto hooks = below(3); hooks > 0; --hooks) {
      config.hooks.up.push_back(
          {{maybe() ? "ip rule add table 100" : "a; b # 'c'\nd"}, true, kDefaultHookTimeout, maybe()});
    }
    if (maybe()) config.dns.servers = {*IpAddress::parse("10.9.0.2"), *IpAddress::parse("fd09::2")};
    if (maybe() && !config.dns.servers.empty()) config.dns.domains = {"example.com", "lan"};
    if (!config.dns.servers.empty()) config.dns.domains.emplace_back(kAllNames);
    if (maybe()) config.hooks.down.push_back({{"ip", "rule", "del %i x"}, false});
    return config;
  }

  std::string damage(std::string text) {
    static const std::vector<std::string> pieces{"[Peer]\n",
                                                 "[Interface]\n",
                                                 "\n",
                                                 "=",
                                                 ",",
                                                 "#",
                                                 "/",
                                                 "::/0",
                                                 "0.0.0.0/0",
                                                 "%i",
                                                 "\r",
                                                 "\t",
                                                 std::string(1, '\0'),
                                                 "\xff",
                                                 "PostUp = ",
                                                 "Table = off\n",
                                                 "AllowedIPs = ",
                                                 "'",
                                                 "é",
                                                 "-",
                                                 "999999999999",
                                                 "DNS = 1.1.1.1, a.b\n"};
    for (auto times = 1 + below(2); times > 0; --times) {
      const auto at = below(text.size() + 1);
      switch (below(4)) {
        case 0:
          text.insert(at, pieces[below(pieces.size())]);
          break;
        case 1:
          text.erase(at, below(20));
          break;
        case 2:
          text.insert(at, text.substr(below(text.size() + 1), below(60)));
          break;
        default:
          if (at < text.size()) text[at] = static_cast<char>(random_());
      }
    }
    return text;
  }

 private:
  IpNetwork pick(std::initializer_list<std::string_view> texts) {
    return *IpNetwork::parse(texts.begin()[below(texts.size())]);
  }

  void add_routes(Config& config, std::uint32_t families) {
    std::vector<IpNetwork> networks;
    if (families != 2)
      networks = {*IpNetwork::parse("192.168.20.0/24"), *IpNetwork::parse("10.9.0.0/16"),
                  *IpNetwork::parse("0.0.0.0/0")};
    if (families != 1) {
      networks.push_back(*IpNetwork::parse("fd20::/64"));
      networks.push_back(*IpNetwork::parse("::/0"));
    }
    const auto common = below(4) == 0 ? std::optional(1 + below(200)) : std::nullopt;
    const bool all = maybe();
    const bool with_default = below(3) == 0;
    for (const auto& network : networks) {
      if ((!all && maybe()) || (network.prefix == 0 && !with_default && !common)) continue;
      Route route{network, {}, common, {}};
      if (!common && !all && !with_default) {
        if (below(3) == 0) route.metric = 1 + below(1000);
        if (below(3) == 0) route.table = 1 + below(200);
        if (below(3) == 0 && network.address.is_v4()) route.source = config.interface.addresses[0].address;
      }
      config.routes.push_back(route);
    }
    if (common && all) {
      for (const auto& address : config.interface.addresses)
        config.routes.push_back({address.network(), {}, common, {}});
    }
    config.peer.allowed_ips = default_allowed_ips(config.interface, config.routes);
    // Beyond a default route wg-quick cannot allow without routing.
    if (maybe() && !std::ranges::any_of(config.routes, &Route::is_default_of_host)) {
      config.peer.allowed_ips.push_back(*IpNetwork::parse(families == 2 ? "fd77::/64" : "172.16.0.0/12"));
    }
    if (maybe()) std::ranges::reverse(config.peer.allowed_ips);
  }

  std::mt19937 random_;
};

/// Routes and allowed IPs are sets, so their order is no difference.
std::string sorted_yaml(Config& config) {
  std::ranges::sort(config.routes, {}, [](const Route& r) { return std::tuple(r.to, r.table, r.metric, r.source); });
  std::ranges::sort(config.peer.allowed_ips);
  return to_yaml(config, "");
}

auto read(std::string_view text) {
  return read_wg_quick(text, {"link.conf", "link", "link"});
}

TEST(WgQuickRoundTrip, AConfigurationThatWgQuickCanSayComesBackAsItWas) {
  RandomConfig random(1);
  int automatic = 0;
  int numbered = 0;
  for (int i = 0; i < 3000; ++i) {
    auto config = random.make();
    const auto written = to_wg_quick(config, {});
    ASSERT_TRUE(written.left_out.empty()) << to_string(written.left_out[0]) << "\n" << written.text;
    auto again = read(written.text);
    ASSERT_TRUE(again) << to_string(again.error()[0]) << "\n" << written.text << to_yaml(config, "");
    ASSERT_EQ(sorted_yaml(*again), sorted_yaml(config)) << written.text;
    automatic += written.text.contains("\nTable = ") ? 0 : 1;
    numbered += written.text.contains("\nTable = ") && !written.text.contains("Table = off") ? 1 : 0;
  }
  EXPECT_GT(automatic, 500);
  EXPECT_GT(numbered, 100);
}

TEST(WgQuickRoundTrip, AFileWithoutOrderSaysTheSameAfterBothWays) {
  RandomConfig random(2);
  for (int i = 0; i < 1000; ++i) {
    const auto first = to_wg_quick(random.make(), {}).text;
    const auto config = read(first);
    ASSERT_TRUE(config) << first;
    EXPECT_EQ(to_wg_quick(*config, {}).text, first);
  }
}

TEST(WgQuickRoundTrip, ADamagedFileIsRefusedOrMakesAFileThatIsValid) {
  const Folder folder;
  RandomConfig random(3);
  int taken = 0;
  for (int i = 0; i < 10'000; ++i) {
    const auto text = random.damage(to_wg_quick(random.make(), {}).text);
    auto config = read(text);
    if (!config) {
      ASSERT_FALSE(config.error().empty());
      for (const auto& problem : config.error()) ASSERT_EQ(to_string(problem).find(kOurPrivateKey), std::string::npos);
      continue;
    }
    ++taken;
    const auto yaml = to_yaml(*config, "");
    const auto again = folder.read(yaml);
    ASSERT_TRUE(again) << folder.texts(again)[0] << "\n" << text << "\n" << yaml;
    ASSERT_EQ(to_yaml(*again, ""), yaml);
    // And once more through wg-quick's form.
    auto third = read(to_wg_quick(*config, {}).text);
    ASSERT_TRUE(third) << to_string(third.error()[0]) << "\n" << text << "\n" << to_wg_quick(*config, {}).text;
  }
  EXPECT_GT(taken, 500);
  EXPECT_LT(taken, 9000);
}

TEST(WgQuickRoundTrip, FilesOfKeysMayHaveAnyName) {
  for (const std::string name : {"/etc/adit/office.key", "/etc/my keys/a", "/etc/whreg$'rd/wg0.key", "/a\"b", "/a`id`",
                                 "/a;b|c&d", "/a #b", "/%i", "/a%b", "/a\\b", "/<(b)", "<(b)", "/*", "~/k", "!k"}) {
    Config config;
    config.interface.addresses = {*IpNetwork::parse("10.9.0.1/30")};
    config.local.private_key_file = name;
    config.peer.public_key = *crypto::parse_public_key(kPeerPublicKey);
    config.peer.has_preshared_key = true;
    config.peer.preshared_key_file = name + "2";
    config.peer.allowed_ips = {*IpNetwork::parse("10.9.0.0/30")};
    const auto text = to_wg_quick(config, {}).text;
    const auto again = read(text);
    ASSERT_TRUE(again) << to_string(again.error()[0]) << "\n" << text;
    EXPECT_EQ(again->local.private_key_file, name) << text;
    EXPECT_EQ(again->peer.preshared_key_file, name + "2") << text;
    EXPECT_TRUE(again->hooks.up.empty()) << text;
  }
}

TEST(WgQuickWriter, LeavesOutANetworkNamespace) {
  const Folder folder;
  const auto config = folder.read(Parts{.interface = Parts().interface + "  netns: office\n"}.text());
  ASSERT_TRUE(config) << folder.texts(config)[0];
  const auto left_out = to_wg_quick(*config, {}).left_out;
  ASSERT_EQ(left_out.size(), 1);
  EXPECT_EQ(left_out[0].key, "interface.netns");
}

TEST(WgQuickWriter, SaysThatNothingBlocksOnceItIsDown) {
  Config config;
  EXPECT_TRUE(to_wg_quick(config, {}).left_out.empty());
  for (const auto& [kill_switch, reader, advice] :
       {std::tuple(KillSwitch::on, WgQuickReader::wg_quick, "by a firewall"),
        std::tuple(KillSwitch::always, WgQuickReader::wg_quick, "by a firewall"),
        std::tuple(KillSwitch::always, WgQuickReader::app, "without VPN"),
        std::tuple(KillSwitch::off, WgQuickReader::wg_quick, "no daemon")}) {
    config.interface.kill_switch = kill_switch;
    const auto left_out = to_wg_quick(config, {.reader = reader}).left_out;
    ASSERT_EQ(left_out.size(), 1);
    EXPECT_EQ(left_out[0].key, "interface.kill_switch");
    EXPECT_TRUE(left_out[0].reason.contains(advice)) << left_out[0].reason;
  }
}

TEST(WgQuickWriter, SaysWhatWgQuickCannot) {
  const Folder folder;
  const auto config = folder.read(
      Parts{.interface = "  addresses: [10.9.0.1/30]\n  peer_addresses: [10.9.0.2]\n  queue_length: 5\n"
                         "  owner: 1\n  persist: true\n  multicast: true\n  name: other\n",
            .local = Parts().local + "  listen: 192.0.2.1:5\n  device: eth0\n",
            .peer = Parts().peer + "  endpoint: [a.example:1, 192.0.2.7:2]\n  allowed_ips: [10.0.0.0/8, 0.0.0.0/0]\n",
            .rest = "routes: [default]\nlog: {level: debug}\ntuning: {copy_dscp: true}\n"
                    "hooks: {up: [a, {command: log $ADIT_MTU, timeout: 5m}]}\n"
                    "dns: {servers: [10.9.0.2], domains: [lan, ~example.com]}\n"}
          .text());
  ASSERT_TRUE(config) << folder.texts(config)[0];
  const auto written = to_wg_quick(*config, {});
  std::vector<std::string> keys;
  for (const auto& problem : written.left_out) keys.push_back(problem.key);
  EXPECT_EQ(keys,
            (std::vector<std::string>{"dns.domains", "dns.domains", "peer.allowed_ips", "hooks.up[1].timeout",
                                      "hooks.up[1]", "peer.endpoint[1]", "interface.queue_length",
                                      "interface.owner, interface.group", "interface.persist", "interface.multicast",
                                      "local.listen", "local.device", "log.level", "tuning"}));
  EXPECT_EQ(written.text,
            fmt::format("[Interface]\nPrivateKey = {}\nDNS = 10.9.0.2, lan\nListenPort = 5\n"
                        "PostUp = ip addr add 10.9.0.1 peer 10.9.0.2/30 dev %i\nPostUp = ip route add ::/0 dev %i\n"
                        "PostUp = a || true\n"
                        "PostUp = sh -c 'log $ADIT_MTU' || true\n\n[Peer]\nPublicKey = {}\nEndpoint = a.example:1\n"
                        "AllowedIPs = 10.0.0.0/8, 0.0.0.0/0\nPersistentKeepalive = 25\n",
                        kOurPrivateKey, kPeerPublicKey));
}

TEST(WgQuickWriter, WritesForAnAppNothingThatAppsRefuse) {
  const Folder folder;
  const auto config = folder.read(Parts{.local = Parts().local + "  fwmark: 5\n",
                                        .peer = Parts().peer + "  allowed_ips: [10.0.0.0/8]\n",
                                        .rest = "hooks: {up: a}\n"}
                                      .text());
  ASSERT_TRUE(config) << folder.texts(config)[0];
  const auto written = to_wg_quick(*config, {.reader = WgQuickReader::app});
  EXPECT_EQ(written.text, fmt::format("[Interface]\nPrivateKey = {}\nAddress = 10.9.0.1/30\n\n[Peer]\nPublicKey = {}\n"
                                      "AllowedIPs = 10.0.0.0/8\nPersistentKeepalive = 25\n",
                                      kOurPrivateKey, kPeerPublicKey));
  std::vector<std::string> keys;
  for (const auto& problem : written.left_out) keys.push_back(problem.key);
  EXPECT_EQ(keys, (std::vector<std::string>{"local.fwmark", "routes", "hooks"}));
}

}  // namespace
}  // namespace adit::config
