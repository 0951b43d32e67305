// SPDX-License-Identifier: MIT
// What rules, chains and hooks make of a datagram, and what is said of it.
#include "doctor/firewall.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "doctor/rulesets.h"

namespace adit::doctor {
namespace {

using namespace test;

TEST(Firewall, LetsEverythingThroughWithoutRules) {
  EXPECT_EQ(ruling(Rules()).fate, Fate::passes);
  EXPECT_EQ(ruling(Rules{chain("in", "accept")}).fate, Fate::passes);
}

TEST(Firewall, DropsByPolicyAndNamesTheChain) {
  const auto found = ruling(Rules{chain("in", "drop")});
  EXPECT_EQ(found.fate, Fate::drops);
  EXPECT_NE(found.where.find("chain inet t in"), std::string::npos) << found.where;
}

/// A drop policy in such a chain, and one rule in another chain beside it.
std::string opening(const char* family, const char* table, const char* name, const char* beside = "other") {
  const auto* const hook = name == std::string_view("PREROUTING") ? "prerouting" : "input";
  const auto there = json{
      {"chain",
       {{"family", family}, {"table", table}, {"name", name}, {"type", "filter"}, {"hook", hook}, {"policy", "drop"}}}};
  const auto other =
      json{{"rule", {{"family", family}, {"table", table}, {"chain", beside}, {"handle", 9}, {"expr", json::array()}}}};
  const Imagined v6{.remote = Endpoint::parse("[fd02::2]:51820").value()};
  return ruling(Rules{there, other}, std::string_view(family) == "ip6" ? v6 : Imagined()).opened_by;
}

TEST(Firewall, NamesTheOneCommandThatOpensThePortByTheToolWhoseRulesTheyAre) {
  EXPECT_EQ(opening("inet", "t", "in"), "nft insert rule inet t in udp dport 51820 accept");
  EXPECT_EQ(opening("ip", "filter", "INPUT"), "iptables -I INPUT -p udp --dport 51820 -j ACCEPT");
  EXPECT_EQ(opening("ip6", "filter", "INPUT"), "ip6tables -I INPUT -p udp --dport 51820 -j ACCEPT");
  EXPECT_EQ(opening("ip", "raw", "PREROUTING"), "iptables -t raw -I PREROUTING -p udp --dport 51820 -j ACCEPT");
  EXPECT_EQ(opening("ip", "t", "INPUT"), "nft insert rule ip t INPUT udp dport 51820 accept");
  EXPECT_EQ(opening("ip", "filter", "INPUT", "ufw-before-input"), "ufw allow 51820/udp");
  EXPECT_EQ(opening("ip6", "filter", "INPUT", "ufw6-before-input"), "ufw allow 51820/udp");
  EXPECT_EQ(opening("inet", "firewalld", "filter_INPUT"),
            "firewall-cmd --add-port=51820/udp && firewall-cmd --permanent --add-port=51820/udp");
  const Rules out{chain("out", "drop", "output")};
  EXPECT_EQ(ruling(out, {.hook = Hook::output}).opened_by, "") << "nothing is let in by opening what goes out";
  EXPECT_EQ(ruling(Rules{chain("in", "accept")}).opened_by, "");
}

TEST(Firewall, LetsThroughWhatARuleAccepts) {
  EXPECT_EQ(ruling(Rules{chain("in", "drop"), rule("in", kAcceptPort)}).fate, Fate::passes);
}

TEST(Firewall, TellsAnswersFromCalls) {
  const Rules rules{chain("in", "drop"), rule("in", kAcceptAnswers)};
  EXPECT_EQ(ruling(rules, {.established = true}).fate, Fate::passes);
  EXPECT_EQ(ruling(rules, {.established = false}).fate, Fate::drops);
}

TEST(Firewall, LooksAtTheHookAndTheFamilyThatAreConcerned) {
  EXPECT_EQ(ruling(Rules{chain("out", "drop", "output")}).fate, Fate::passes);
  EXPECT_EQ(ruling(Rules{chain("out", "drop", "output")}, {.hook = Hook::output}).fate, Fate::drops);
  EXPECT_EQ(ruling(Rules{chain("in", "drop", "input", "ip6")}).fate, Fate::passes);
  EXPECT_EQ(ruling(Rules{chain("in", "drop", "forward")}).fate, Fate::passes);
  const Imagined v6{.remote = Endpoint::parse("[fd02::2]:51820").value()};
  EXPECT_EQ(ruling(Rules{chain("in", "drop", "input", "ip6")}, v6).fate, Fate::drops);
}

TEST(Firewall, NamesTheRuleThatDropsAndItsCounter) {
  const auto found =
      ruling(Rules{chain("in", "accept"), rule("in", R"([{"match":{"op":"==","left":{"meta":{"key":"l4proto"}},
    "right":"udp"}},{"counter":{"packets":12,"bytes":1}},{"drop":null}])")});
  EXPECT_EQ(found.fate, Fate::drops);
  EXPECT_NE(found.where.find("rule 7 of chain inet t in, which has matched 12 packets"), std::string::npos)
      << found.where;
}

struct Match {
  const char* what;
  const char* match;
  Fate fate;  ///< of a rule that drops what matches
};

class Matches : public testing::TestWithParam<Match> {};

TEST_P(Matches, AsTheKernelDoes) {
  const auto statements = fmt::format(R"([{{"match":{}}},{{"drop":null}}])", GetParam().match);
  const json set{{"family", "inet"}, {"table", "t"}, {"name", "ports"}, {"elem", {22, 51820}}};
  const Rules rules{chain("in", "accept"), rule("in", statements.c_str()), json{{"set", set}}};
  EXPECT_EQ(ruling(rules).fate, GetParam().fate);
}

INSTANTIATE_TEST_SUITE_P(
    Firewall, Matches,
    testing::Values(
        Match{"port", R"({"op":"==","left":{"payload":{"protocol":"udp","field":"dport"}},"right":51820})",
              Fate::drops},
        Match{"other_port", R"({"op":"==","left":{"payload":{"protocol":"udp","field":"dport"}},"right":53})",
              Fate::passes},
        Match{"not_other_port", R"({"op":"!=","left":{"payload":{"protocol":"udp","field":"dport"}},"right":53})",
              Fate::drops},
        Match{"port_by_name", R"({"op":"==","left":{"payload":{"protocol":"udp","field":"dport"}},"right":"domain"})",
              Fate::unclear},
        Match{
            "port_in_set",
            R"({"op":"==","left":{"payload":{"protocol":"udp","field":"dport"}},"right":{"set":[1,{"range":[51000,52000]}]}})",
            Fate::drops},
        Match{"port_in_named_set",
              R"({"op":"==","left":{"payload":{"protocol":"th","field":"dport"}},"right":"@ports"})", Fate::drops},
        Match{"port_in_missing_set",
              R"({"op":"==","left":{"payload":{"protocol":"th","field":"dport"}},"right":"@nosuch"})", Fate::unclear},
        Match{"tcp", R"({"op":"==","left":{"payload":{"protocol":"tcp","field":"dport"}},"right":51820})",
              Fate::passes},
        Match{"not_tcp_port", R"({"op":"!=","left":{"payload":{"protocol":"tcp","field":"dport"}},"right":22})",
              Fate::passes},
        Match{"other_protocols",
              R"({"op":"==","left":{"meta":{"key":"l4proto"}},"right":{"set":["icmp","ipv6-icmp"]}})", Fate::passes},
        Match{"protocol_by_number", R"({"op":"==","left":{"payload":{"protocol":"ip","field":"protocol"}},"right":17})",
              Fate::drops},
        Match{
            "source",
            R"({"op":"==","left":{"payload":{"protocol":"ip","field":"saddr"}},"right":{"prefix":{"addr":"10.2.0.0","len":16}}})",
            Fate::drops},
        Match{"other_source", R"({"op":"==","left":{"payload":{"protocol":"ip","field":"saddr"}},"right":"10.3.0.1"})",
              Fate::passes},
        Match{"source_of_other_family",
              R"({"op":"!=","left":{"payload":{"protocol":"ip6","field":"saddr"}},"right":"::1"})", Fate::passes},
        Match{"interface", R"({"op":"==","left":{"meta":{"key":"iifname"}},"right":"eth*"})", Fate::drops},
        Match{"other_interface", R"({"op":"==","left":{"meta":{"key":"iif"}},"right":"lo"})", Fate::passes},
        Match{"mark", R"({"op":"==","left":{"&":[{"meta":{"key":"mark"}},255]},"right":1})", Fate::unclear},
        Match{"invalid", R"({"op":"==","left":{"ct":{"key":"state"}},"right":"invalid"})", Fate::passes}),
    [](const auto& each) { return each.param.what; });

TEST(Firewall, FollowsJumpsAndComesBack) {
  const Rules rules{chain("in", "drop"),
                    plain_chain("more"),
                    rule("in", R"([{"jump":{"target":"more"}}])"),
                    rule("in", kAcceptPort),
                    rule("more", R"([{"return":null}])"),
                    rule("more", R"([{"drop":null}])")};
  EXPECT_EQ(ruling(rules).fate, Fate::passes);
}

TEST(Firewall, DoesNotComeBackFromGoto) {
  const Rules rules{chain("in", "drop"), plain_chain("more"), rule("in", R"([{"goto":{"target":"more"}}])"),
                    rule("in", kAcceptPort)};
  EXPECT_EQ(ruling(rules).fate, Fate::drops);
}

TEST(Firewall, EndsWhereTheJumpsTarget) {
  const Rules rules{chain("in", "accept"), plain_chain("more"), rule("in", R"([{"jump":{"target":"more"}}])"),
                    rule("more", R"([{"reject":null}])")};
  EXPECT_EQ(ruling(rules).fate, Fate::drops);
}

TEST(Firewall, IsNotTrappedByJumpsInACircle) {
  const Rules rules{chain("in", "accept"), plain_chain("a"), rule("in", R"([{"jump":{"target":"a"}}])"),
                    rule("a", R"([{"jump":{"target":"a"}}])")};
  EXPECT_EQ(ruling(rules).fate, Fate::passes);
}

TEST(Firewall, GivesUpWhereChainsLeadToEachOtherByTooManyWays) {
  Rules rules{chain("in", "accept"), rule("in", R"([{"jump":{"target":"0"}}])")};
  for (int i = 0; i < 15; ++i) {
    const auto name = std::to_string(i);
    const auto next = fmt::format(R"([{{"jump":{{"target":"{}"}}}}])", i + 1);
    rules.push_back(plain_chain(name.c_str()));
    for (int ways = 0; ways < 10; ++ways) rules.push_back(rule(name.c_str(), next.c_str()));
  }
  EXPECT_EQ(ruling(rules).fate, Fate::unclear);
}

TEST(Firewall, TakesTheVerdictOfAMap) {
  constexpr auto kMap = R"([{"vmap":{"key":{"ct":{"key":"state"}},
    "data":{"set":[["invalid",{"drop":null}],["established",{"accept":null}],["new",{"jump":{"target":"more"}}]]}}}])";
  const Rules rules{chain("in", "drop"), plain_chain("more"), rule("in", kMap), rule("more", kAcceptPort)};
  EXPECT_EQ(ruling(rules, {.established = true}).fate, Fate::passes);
  EXPECT_EQ(ruling(rules, {.established = false}).fate, Fate::passes);
  EXPECT_EQ(ruling(Rules{chain("in", "drop"), plain_chain("more"), rule("in", kMap)}).fate, Fate::drops);
}

TEST(Firewall, SaysUnclearWhereALimitOrAnExtensionDecides) {
  constexpr auto kLimited = R"([{"limit":{"rate":5,"per":"second"}},{"accept":null}])";
  EXPECT_EQ(ruling(Rules{chain("in", "drop"), rule("in", kLimited)}).fate, Fate::unclear);
  EXPECT_EQ(ruling(Rules{chain("in", "drop"), rule("in", R"([{"xt":null}])")}).fate, Fate::unclear);
}

TEST(Firewall, SaysUnclearWhereAMeterAQuotaOrALimitForEachDecides) {
  constexpr auto kFlood = R"([{"set":{"op":"add","elem":{"payload":{"protocol":"ip","field":"saddr"}},"set":"@flood",
    "stmt":[{"limit":{"rate":10,"burst":5,"per":"second","inv":true}}]}},{"drop":null}])";
  constexpr auto kMeter = R"([{"meter":{"key":{"payload":{"protocol":"ip","field":"saddr"}},
    "stmt":{"limit":{"rate":10,"burst":5,"per":"second","inv":true}},"size":65535,"name":"m"}},{"drop":null}])";
  constexpr auto kSpent = R"([{"quota":{"val":10,"val_unit":"mbytes","inv":true}},{"drop":null}])";
  for (const auto* const drops : {kFlood, kMeter, kSpent}) {
    EXPECT_EQ(ruling(Rules{chain("in", "accept"), rule("in", drops)}).fate, Fate::unclear) << drops;
  }
  constexpr auto kUntilSpent = R"([{"quota":{"val":1,"val_unit":"gbytes"}},{"accept":null}])";
  EXPECT_EQ(ruling(Rules{chain("in", "drop"), rule("in", kUntilSpent)}).fate, Fate::unclear);
}

TEST(Firewall, GoesOnBehindASetThatNotesDownWhatThePacketHas) {
  constexpr auto kPlain =
      R"([{"set":{"op":"add","elem":{"payload":{"protocol":"ip","field":"saddr"}},"set":"@seen"}},{"drop":null}])";
  constexpr auto kForAWhile = R"([{"set":{"op":"update","elem":{"elem":{"val":{"payload":{"protocol":"ip",
    "field":"saddr"}},"timeout":60}},"set":"@seen"}},{"drop":null}])";
  const Imagined v6{.remote = Endpoint::parse("[fd02::2]:51820").value()};
  for (const auto* const statements : {kPlain, kForAWhile}) {
    const Rules rules{chain("in", "accept"), rule("in", statements)};
    EXPECT_EQ(ruling(rules).fate, Fate::drops) << statements;
    EXPECT_EQ(ruling(rules, v6).fate, Fate::passes) << "it has no IPv4 address: " << statements;
  }
}

TEST(Firewall, AskEveryChainOfTheHook) {
  const Rules rules{chain("in", "accept"), chain("late", "drop")};
  EXPECT_EQ(ruling(rules).fate, Fate::drops);
}

/// Such a base chain with one rule.
Rules only(const json& chain, const char* statements) {
  auto only = rule("only", statements);
  for (const auto* const key : {"family", "table"}) only["rule"][key] = chain["chain"][key];
  only["rule"]["chain"] = chain["chain"]["name"];
  return {chain, only};
}

TEST(Firewall, LooksAtWhatComesBeforeInputAndAfterOutput) {
  const auto before = ruling(only(chain("pre", "accept", "prerouting"), kDropPort));
  EXPECT_EQ(before.fate, Fate::drops);
  EXPECT_NE(before.where.find("chain inet t pre"), std::string::npos) << before.where;
  EXPECT_EQ(before.opened_by, "nft insert rule inet t pre udp dport 51820 accept");
  EXPECT_EQ(ruling(Rules{chain("pre", "drop", "prerouting"), chain("in", "accept")}).fate, Fate::drops);
  EXPECT_EQ(ruling(Rules{chain("post", "drop", "postrouting")}).fate, Fate::passes);
  EXPECT_EQ(ruling(Rules{chain("post", "drop", "postrouting")}, {.hook = Hook::output}).fate, Fate::drops);
}

TEST(Firewall, LeavesOutChainsForNatAndTheTablesOfLinks) {
  auto nat = chain("pre", "drop", "prerouting");
  nat["chain"]["type"] = "nat";
  auto ours = chain("pre", "drop", "prerouting");
  ours["chain"]["table"] = "adit_office_1a2b";
  EXPECT_FALSE(has_shield({{"nftables", nlohmann::json::array()}}));
  EXPECT_TRUE(has_shield({{"nftables", {ours}}}));
  EXPECT_EQ(ruling(Rules{nat, ours}).fate, Fate::passes);
}

TEST(Firewall, IsNotSureOfWhatIsForSomeNetworkDevice) {
  for (const auto* const family : {"netdev", "inet"}) {
    const auto found = ruling(only(chain("in", "accept", "ingress", family), kDropPort));
    EXPECT_EQ(found.fate, Fate::unclear) << family;
    EXPECT_NE(found.where.find(fmt::format("chain {} t in", family)), std::string::npos) << found.where;
    EXPECT_EQ(ruling(Rules{chain("out", "drop", "egress", family)}, {.hook = Hook::output}).fate, Fate::unclear);
  }
}

TEST(Firewall, IsNotSureOfWhatComesBeforeARedirection) {
  auto rules = only(chain("pre", "accept", "prerouting"), kDropPort);
  rules.push_back(rule("nat", R"([{"redirect":{"port":51820}}])"));
  EXPECT_EQ(ruling(rules).fate, Fate::unclear);
}

TEST(Firewall, KnowsWhereConnectionsAreNotTrackedYet) {
  const auto at = [](const char* hook, int priority) {
    auto where = chain("raw", "accept", hook);
    where["chain"]["prio"] = priority;
    return where;
  };
  constexpr auto kDropNew = R"([{"match":{"op":"in","left":{"ct":{"key":"state"}},"right":"new"}},{"drop":null}])";
  constexpr auto kDropInvalid =
      R"([{"match":{"op":"in","left":{"ct":{"key":"state"}},"right":"invalid"}},{"drop":null}])";
  EXPECT_EQ(ruling(only(at("prerouting", -300), kDropNew)).fate, Fate::passes);
  EXPECT_EQ(ruling(only(at("prerouting", -300), kDropInvalid)).fate, Fate::drops);
  EXPECT_EQ(ruling(only(at("output", -300), kDropNew), {.hook = Hook::output}).fate, Fate::passes);
  EXPECT_EQ(ruling(only(at("prerouting", -150), kDropNew)).fate, Fate::drops);
  EXPECT_EQ(ruling(only(at("input", -300), kDropNew)).fate, Fate::drops);
}

/// As firewalld has it for IPv6 (IPv6_rpfilter).
TEST(Firewall, KnowsThatThereIsAWayBackByTheInterfaceThatLeadsThere) {
  constexpr auto kNoWayBack = R"([{"match":{"op":"==","left":{"fib":{"result":"oif","flags":["saddr","mark","iif"]}},
    "right":false}},{"drop":null}])";
  const auto rules = only(chain("pre", "accept", "prerouting"), kNoWayBack);
  EXPECT_EQ(ruling(rules).fate, Fate::passes);
  const Imagined from_anywhere{.local_port = 51820};
  EXPECT_EQ(judge_datagram({{"nftables", rules}}, from_anywhere).fate, Fate::unclear);
}

}  // namespace
}  // namespace adit::doctor
