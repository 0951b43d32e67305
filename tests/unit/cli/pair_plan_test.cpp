// SPDX-License-Identifier: MIT
#include "cli/pair_plan.h"

#include <gtest/gtest.h>

#include "cli/command_line.h"

namespace adit::cli {
namespace {

using Texts = std::vector<std::string>;

std::string error_of(const std::array<std::string, 2>& ends, const Texts& tunnels = {}, const Texts& routes = {}) {
  const auto request = parse_request({ends, tunnels, routes});
  return request ? "" : request.error().message;
}

TEST(PairPlan, ReadsEnds) {
  const struct {
    std::string_view text, name;
    std::optional<std::string> host;
    std::optional<std::uint16_t> port;
  } table[] = {
      {"a=a.example.net", "a", "a.example.net", 51820},
      {"a=a.example.net:1", "a", "a.example.net", 1},
      {"a=192.0.2.7:65535", "a", "192.0.2.7", 65535},
      {"a=[2001:db8::7]", "a", "2001:db8::7", 51820},
      {"a=[2001:db8::7]:7", "a", "2001:db8::7", 7},
      {"a=-", "a", std::nullopt, std::nullopt},
      {"a=-:7", "a", std::nullopt, 7},
  };
  for (const auto& [text, name, host, port] : table) {
    const auto end = parse_end(text);
    ASSERT_TRUE(end) << text << ": " << end.error().message;
    EXPECT_EQ(end->name, name);
    EXPECT_EQ(end->host, host);
    EXPECT_EQ(end->port, port);
  }
}

TEST(PairPlan, RefusesOddEnds) {
  const std::pair<std::string_view, std::string_view> table[] = {
      {"a", "has no '='"},
      {"=host", "is not a valid name"},
      {"a/b=host", "is not a valid name"},
      {"..=host", "is not a valid name"},
      {"-a=host", "is not a valid name"},
      {"a=", "is neither an IP address nor a host name"},
      {"a=host:", "has no port; write HOST:PORT"},
      {"a=host:0", "port 0 cannot be reached"},
      {"a=host:65536", "is out of range"},
      {"a=-:x", "is not a port number"},
      {"a=:1", "is neither an IP address nor a host name"},
      {"a=2001:db8::7", "a=[ADDR6]:PORT"},
      {"a=[2001:db8::7", "has no port"},
      {"a=[192.0.2.7]:1", "write 192.0.2.7:1"},
      {"a=192.0.2.300", "is neither an IP address nor a host name"},
      {"a=0.0.0.0", "unspecified"},
      {"a=[::]:1", "unspecified"},
      {"a=a b", "is neither an IP address nor a host name"},
  };
  for (const auto& [text, reason] : table) {
    const auto end = parse_end(text);
    ASSERT_FALSE(end) << text;
    EXPECT_NE(end.error().message.find(reason), std::string::npos) << text << ": " << end.error().message;
  }
}

TEST(PairPlan, RefusesPairsThatCannotWork) {
  const std::array<std::string, 2> good{"a=a.example", "b=b.example"};
  EXPECT_EQ(error_of(good), "");
  EXPECT_NE(error_of({"a=x", "a=y"}).find("both hosts are named \"a\""), std::string::npos);
  EXPECT_NE(error_of({"a=-", "b=-"}).find("one host must be reachable"), std::string::npos);
  EXPECT_NE(error_of(good, {"10.9.0.1/30"}).find("did you mean 10.9.0.0/30?"), std::string::npos);
  EXPECT_NE(error_of(good, {"10.9.0.1/32"}).find("has room for one address"), std::string::npos);
  EXPECT_NE(error_of(good, {"10.9.0.0/24", "10.9.0.0/30"}).find("--tunnel: 10.9.0.0/30 overlaps 10.9.0.0/24"),
            std::string::npos);
  EXPECT_NE(error_of(good, {"224.0.0.0/24"}).find("multicast"), std::string::npos);
  EXPECT_NE(error_of(good, {"0.0.0.0/0"}).find("whole Internet"), std::string::npos);
  EXPECT_NE(error_of(good, {"any"}).find("is not a subnet"), std::string::npos);
  EXPECT_NE(error_of(good, {}, {"10.1.0.0/16"}).find("has no '='"), std::string::npos);
  EXPECT_NE(error_of(good, {}, {"c=10.1.0.0/16"}).find("there is no host \"c\" in this pair"), std::string::npos);
  EXPECT_NE(error_of(good, {}, {"a=10.1.0.0/8"}).find("did you mean 10.0.0.0/8?"), std::string::npos);
  EXPECT_NE(error_of(good, {}, {"a=10.1.0.0/16,"}).find("is not a subnet"), std::string::npos);
  EXPECT_NE(error_of(good, {}, {"a=10.1.0.0/16", "b=10.0.0.0/8"}).find("overlaps"), std::string::npos);
  EXPECT_NE(error_of(good, {}, {"a=default", "b=default"}).find("in circles"), std::string::npos);
}

TEST(PairPlan, GivesEachEndWhatIsBehindTheOther) {
  const auto request =
      parse_request({.ends = {"a=a.example:1000", "b=-"},
                     .tunnels = {"10.9.0.0/30", "fd09::/126"},
                     .routes = {"a=192.168.1.0/24,fd20::/64", "a=192.168.1.0/24", "a=default", "b=10.1.0.0/16"}});
  ASSERT_TRUE(request) << request.error().message;
  SeededRandom random;
  const auto configs = plan(*request, {}, random);
  ASSERT_TRUE(configs) << configs.error().message;
  const auto& [a, b] = *configs;
  EXPECT_EQ(a.name, "a");
  EXPECT_EQ(to_string(a.interface.addresses[0]), "10.9.0.1/30");
  EXPECT_EQ(to_string(a.interface.addresses[1]), "fd09::1/126");
  EXPECT_EQ(to_string(b.interface.addresses[0]), "10.9.0.2/30");
  EXPECT_EQ(a.local.listen.port, 1000);
  EXPECT_TRUE(a.peer.endpoints.empty());
  EXPECT_EQ(b.local.listen.port, 0);
  EXPECT_EQ(b.peer.endpoints, (std::vector<config::EndpointName>{{"a.example", 1000}}));
  Texts a_routes;
  for (const auto& route : a.routes) a_routes.push_back(to_string(route.to));
  EXPECT_EQ(a_routes, Texts{"10.1.0.0/16"});
  Texts b_routes;
  for (const auto& route : b.routes) b_routes.push_back(to_string(route.to));
  EXPECT_EQ(b_routes, (Texts{"192.168.1.0/24", "fd20::/64", "0.0.0.0/0", "::/0"}));
  EXPECT_EQ(a.peer.public_key, public_key_of(b.local.private_key));
  EXPECT_EQ(b.peer.public_key, public_key_of(a.local.private_key));
  EXPECT_NE(a.peer.public_key, b.peer.public_key);
  EXPECT_TRUE(a.peer.has_preshared_key);
  EXPECT_EQ(reveal_base64(a.peer.preshared_key), reveal_base64(b.peer.preshared_key));
}

TEST(PairPlan, GivesTwoEndsOfACableAddressesUnlessABridgeIsThere) {
  const auto made = [](const PairWords& words) {
    SeededRandom random;
    const auto request = parse_request(words);
    EXPECT_TRUE(request) << request.error().message;
    return std::move(*plan(*request, {}, random));
  };
  const std::array<std::string, 2> ends{"a=a.example", "b=-"};
  const auto plain = made({.ends = ends, .frames = true});
  for (const auto& config : plain) {
    EXPECT_EQ(config.interface.mode, config::Mode::tap);
    EXPECT_EQ(config.interface.addresses.size(), 2);
    EXPECT_EQ(config.interface.tap.bridge, "");
  }
  const auto given = made({.ends = ends, .tunnels = {"192.168.9.0/24"}, .frames = true});
  EXPECT_EQ(to_string(given[1].interface.addresses[0]), "192.168.9.2/24");
  const auto bridged = made({.ends = ends, .frames = true, .bridges = {"b=br-lan"}});
  EXPECT_EQ(bridged[0].interface.tap.bridge, "");
  EXPECT_EQ(bridged[1].interface.tap.bridge, "br-lan");
  for (const auto& config : bridged) EXPECT_TRUE(config.interface.addresses.empty());
}

TEST(PairPlan, SaysWhatDoesNotGoWithACable) {
  const struct {
    PairWords words;
    std::string_view reason;
  } table[] = {
      {{.bridges = {"a=br0"}}, "add --tap"},
      {{.frames = true, .bridges = {"br0"}}, "write --bridge NAME=BRIDGE"},
      {{.frames = true, .bridges = {"c=br0"}}, "there is no host \"c\" in this pair"},
      {{.frames = true, .bridges = {"a=br0", "a=br1"}}, "a is in br0 already"},
      {{.frames = true, .bridges = {"a=b/r"}}, "--bridge: \"b/r\""},
      {{.routes = {"a=10.1.0.0/16"}, .frames = true}, "--routes does not go with --tap"},
      {{.tunnels = {"10.9.0.0/30"}, .frames = true, .bridges = {"a=br0"}}, "give b one of those"},
  };
  for (auto [words, reason] : table) {
    words.ends = {"a=a.example", "b=b.example"};
    const auto request = parse_request(words);
    ASSERT_FALSE(request) << reason;
    EXPECT_NE(request.error().message.find(reason), std::string::npos) << request.error().message;
  }
}

TEST(PairPlan, PicksSubnetsThatTouchNothingItWasToldOf) {
  const auto request =
      parse_request({.ends = {"a=10.200.1.1", "b=b.example"}, .routes = {"a=10.0.0.0/9", "b=10.128.0.0/10"}});
  ASSERT_TRUE(request);
  SeededRandom random;
  for (int i = 0; i < 100; ++i) {
    const auto configs = plan(*request, {*IpNetwork::parse("10.192.0.0/11")}, random);
    ASSERT_TRUE(configs);
    EXPECT_TRUE(IpNetwork::parse("10.224.0.0/11")->overlaps((*configs)[0].interface.addresses[0]));
    EXPECT_TRUE((*configs)[0].interface.addresses[1].address.is_v6());
  }
}

TEST(PairPlan, NeedsATunnelOfTheFamilyThatIsRouted) {
  const auto request =
      parse_request({.ends = {"a=a.example", "b=b.example"}, .tunnels = {"10.9.0.0/30"}, .routes = {"a=fd20::/64"}});
  ASSERT_TRUE(request);
  SeededRandom random;
  const auto configs = plan(*request, {}, random);
  ASSERT_FALSE(configs);
  EXPECT_NE(configs.error().message.find("fd20::/64 needs a --tunnel of the same family"), std::string::npos);
}

TEST(PairPlan, OneHostTwiceGetsTwoPorts) {
  const auto ports = [](const std::string& a, const std::string& b) {
    const auto request = parse_request({.ends = {a, b}});
    return request ? std::pair(*request->ends[0].port, *request->ends[1].port)
                   : std::pair<std::uint16_t, std::uint16_t>();
  };
  EXPECT_EQ(ports("a=192.0.2.1", "b=192.0.2.1"), (std::pair<std::uint16_t, std::uint16_t>(51820, 51821)));
  EXPECT_EQ(ports("a=192.0.2.1", "b=192.0.2.1:51820"), (std::pair<std::uint16_t, std::uint16_t>(51819, 51820)));
  EXPECT_EQ(ports("a=192.0.2.1", "b=192.0.2.2"), (std::pair<std::uint16_t, std::uint16_t>(51820, 51820)));
  EXPECT_NE(error_of({"a=h.example:5", "b=h.example:5"}).find("need two ports"), std::string::npos);
}

TEST(PairPlan, RoutesThatHoldAnEndpointAreRefused) {
  EXPECT_NE(error_of({"a=198.51.100.1", "b=-"}, {}, {"a=198.51.100.0/24"}).find("holds 198.51.100.1, where a itself"),
            std::string::npos);
  EXPECT_EQ(error_of({"a=198.51.100.1", "b=-"}, {}, {"a=198.51.100.8/29"}), "");
  EXPECT_EQ(error_of({"a=198.51.100.1", "b=-"}, {}, {"a=default"}), "");
}

TEST(PairPlan, NamesInterfacesAsTheKernelAllows) {
  const auto name_for = [](const std::string& link) {
    SeededRandom random;
    return (*plan(*parse_request({.ends = {link + "=a.example", "b=b.example"}}), {}, random))[0].interface.name;
  };
  EXPECT_EQ(name_for("office"), "office");
  EXPECT_EQ(name_for("fifteen-letters"), "fifteen-letters");
  EXPECT_EQ(name_for("more-than-15-letters"), "more-than-b5b7");
  EXPECT_NE(name_for("head-office-backup-1"), name_for("head-office-backup-2")) << "both may be links of one host";
  EXPECT_EQ(name_for("all"), "adit-all");
  EXPECT_EQ(name_for("default"), "adit-default");
  EXPECT_EQ(name_for("lo"), "adit-lo");
}

}  // namespace
}  // namespace adit::cli
