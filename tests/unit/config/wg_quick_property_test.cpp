// SPDX-License-Identifier: MIT
// Whatever file the grammar of wg-quick makes: it is imported, exported and imported to the same configuration, or it
// is refused with the line at which it is wrong.
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "config/folder.h"
#include "config/wg_quick_reader.h"
#include "config/wg_quick_writer.h"
#include "config/writer.h"

namespace adit::config {
namespace {

class RandomFile {
 public:
  explicit RandomFile(unsigned seed) : random_(seed) {}

  std::string make() {
    const auto end = pick({"\n", "\n", "\r\n"});
    std::vector<std::string> interface{line("PrivateKey", std::string(kOurPrivateKey))};
    std::vector<std::string> peer{line("PublicKey", std::string(kPeerPublicKey))};
    if (one_in(8)) interface[0] = line("PostUp", "wg set %i private-key /etc/wireguard/%i.key");
    interface.push_back(
        line("Address", list({"10.9.0.1/24", "10.9.0.7/24", "10.9.0.9/32", "fd09::1/64", "10.8.0.1"}, 2)));
    peer.push_back(line("AllowedIPs", list({"10.9.0.0/24", "10.0.0.0/8", "0.0.0.0/0", "::/0", "fd00::/8", "0.0.0.0/1",
                                            "128.0.0.0/1", "192.168.7.3/24", "10.9.0.2"},
                                           3)));
    add(interface, "DNS", {"10.9.0.2", "10.9.0.2, fd09::2, example.com", "lan", ""});
    add(interface, "MTU", {"1420", "1280", "", "9000"});
    add(interface, "ListenPort", {"51820", "0", "65535", "0x1"});
    add(interface, "FwMark", {"0xca6c", "51820", "off", ""});
    add(interface, "Table", {"auto", "off", "100", "main", ""});
    add(interface, "SaveConfig", {"true", "false"});
    for (const auto* const key : {"PreUp", "PostUp", "PostUp", "PreDown", "PostDown"}) add(interface, key, hooks());
    add(peer, "Endpoint",
        {"vpn.example.net:51820", "[2001:db8::7]:51820", "192.0.2.7:51820", "[fe80::2%eth0]:51820", "v_pn.example:1",
         "bücher.example:51820", "", "vpn.example.net", "http://a.example:1"});
    add(peer, "PersistentKeepalive", {"25", "off", "0", "65535", ""});
    add(peer, "PresharedKey", {std::string(kPresharedKey), ""});
    add(peer, "PresharedKeyFile", {"/etc/adit/link.psk"});
    if (one_in(20)) add(interface, "Jc", {"4"});
    if (one_in(20)) add(interface, "S1", {"0", "34"});
    if (one_in(20)) peer.push_back("PublicKey = " + std::string(kOurPublicKey));
    if (one_in(20)) interface.push_back(pick({"nonsense", "Adress = 10.9.0.5/32", "[Nothing]", "=", "Endpoint = a:1"}));
    std::ranges::shuffle(interface, random_);
    std::ranges::shuffle(peer, random_);
    if (one_in(20)) interface.pop_back();
    if (one_in(20)) peer.pop_back();
    std::string text;
    const auto section = [&](const std::string& header, const std::vector<std::string>& lines) {
      text += header + end;
      for (const auto& each : lines) text += each + end;
    };
    const bool peer_first = one_in(4);
    if (peer_first) section(pick({"[Peer]", "[ Peer ]", "[peer]"}), peer);
    section(pick({"[Interface]", "[INTERFACE]", "  [Interface]  # this end"}), interface);
    if (!peer_first) section(pick({"[Peer]", "# alice\n[Peer]", "[PEER]"}), peer);
    return text;
  }

 private:
  static std::vector<std::string> hooks() {
    return {"ip link set %i up",
            "iptables -A FORWARD -i %i -j ACCEPT; iptables -t nat -A POSTROUTING -o eth0 -j MASQUERADE",
            "sysctl -w net.ipv4.ip_forward=1",
            "sysctl -q -w net.ipv4.ip_forward=1 && echo done",
            "iptables -A INPUT -m comment --comment \"vpn #1: in\" -j ACCEPT",
            "echo 'it''s %i' # and a comment",
            "ip route add 10.20.0.0/16 dev %i metric 5",
            "ip addr add 10.7.0.1/32 peer 10.7.0.2/32 dev %i",
            "ip -6 addr add fe80::1/64 dev %i",
            "sh -c 'a; b'",
            "'ip' 'rule' 'add'",
            "nft -f - <<< \"add table $(echo '%i')\" || true",
            "ping -c1 10.9.0.2 || true",
            "if true; then sysctl -w net.ipv4.ip_forward=1; fi",
            "echo \"never closed",
            ""};
  }

  std::uint32_t below(std::size_t n) { return static_cast<std::uint32_t>(random_() % n); }
  bool one_in(std::size_t n) { return below(n) == 0; }
  std::string pick(const std::vector<std::string>& from) { return from[below(from.size())]; }

  /// Some of them, each once, as a list.
  std::string list(std::vector<std::string> from, std::size_t most) {
    std::ranges::shuffle(from, random_);
    std::string result;
    for (std::size_t i = 0; i <= below(most); ++i) result += (i == 0 ? "" : pick({", ", ",", " , "})) + from[i];
    return result;
  }
  std::string line(std::string key, const std::string& value) {
    if (one_in(6)) {
      for (auto& c : key) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
    const auto comment = key.starts_with("P") && key.ends_with("p") ? "" : pick({"", "", "", " # why", "\t#why"});
    return pick({"", "", "  ", "\t"}) + key + pick({" = ", "=", " =", "\t=\t"}) + value + comment;
  }
  void add(std::vector<std::string>& lines, const std::string& key, const std::vector<std::string>& values) {
    if (one_in(3)) lines.push_back(line(key, pick(values)));
  }

  std::mt19937 random_;
};

/// All of it but how a hook is written: what that does is compared by what it becomes for wg-quick.
std::string yaml_of(const Config& config) {
  auto text = to_yaml(config, "");
  return text.substr(0, text.find("hooks:\n")) + (text.contains("dns:\n") ? text.substr(text.find("dns:\n")) : "");
}

TEST(WgQuickProperty, EachFileComesBackOrIsRefusedWithItsLine) {
  const WgQuickSource source{.file = "link.conf", .name = "link", .interface = "link"};
  int imported = 0;
  int refused = 0;
  for (unsigned seed = 0; seed < 4000; ++seed) {
    const auto text = RandomFile(seed).make();
    SCOPED_TRACE(fmt::format("seed {}:\n{}", seed, text));
    const auto first = read_wg_quick(text, source);
    if (!first) {
      ++refused;
      ASSERT_FALSE(first.error().empty());
      for (const auto& problem : first.error()) ASSERT_GT(problem.line, 0) << to_string(problem);
      continue;
    }
    ++imported;
    const auto exported = to_wg_quick(*first, {}).text;
    const auto second = read_wg_quick(exported, source);
    ASSERT_TRUE(second) << to_string(second.error()[0]) << "\n" << exported;
    ASSERT_EQ(yaml_of(*second), yaml_of(*first)) << exported;
    ASSERT_EQ(to_wg_quick(*second, {}).text, exported);
  }
  EXPECT_GT(imported, 1000);
  EXPECT_GT(refused, 300);
}

}  // namespace
}  // namespace adit::config
