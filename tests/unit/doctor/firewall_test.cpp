// SPDX-License-Identifier: MIT
// Rulesets as `nft --json list ruleset` (1.0.6) prints them, and what becomes of the link's datagrams.
#include "doctor/firewall.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "doctor/firewall_extensions.h"

namespace adit::doctor {
namespace {

using nlohmann::json;

const auto kPeer = Endpoint::parse("10.2.0.2:51820").value();

json chain(const char* name, const char* policy, const char* hook = "input", const char* family = "inet") {
  return {
      {"chain",
       {{"family", family}, {"table", "t"}, {"name", name}, {"type", "filter"}, {"hook", hook}, {"policy", policy}}}};
}

json plain_chain(const char* name) {
  return {{"chain", {{"family", "inet"}, {"table", "t"}, {"name", name}}}};
}

json rule(const char* chain, const char* statements, const char* family = "inet") {
  return {{"rule",
           {{"family", family}, {"table", "t"}, {"chain", chain}, {"handle", 7}, {"expr", json::parse(statements)}}}};
}

using Rules = std::vector<json>;

Ruling ruling(const Rules& objects, Imagined datagram = {}) {
  if (!datagram.remote.known()) datagram.remote = kPeer;
  datagram.local_port = 51820;
  datagram.interface = "eth0";
  return judge_datagram({{"nftables", objects}}, datagram);
}

constexpr auto kAcceptPort =
    R"([{"match":{"op":"==","left":{"payload":{"protocol":"udp","field":"dport"}},"right":51820}},{"accept":null}])";
constexpr auto kAcceptAnswers =
    R"([{"match":{"op":"in","left":{"ct":{"key":"state"}},"right":["established","related"]}},{"accept":null}])";

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

constexpr auto kDropPort =
    R"([{"match":{"op":"==","left":{"payload":{"protocol":"udp","field":"dport"}},"right":51820}},{"drop":null}])";

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

/// firewalld's, of Debian 12, shortened: with the uplink in one zone, and the rest in another.
json firewalld(const char* in_input, const char* in_zone) {
  const auto of_firewalld = [](const char* chain, const char* statements, int handle) {
    return json{{"rule",
                 {{"family", "inet"},
                  {"table", "firewalld"},
                  {"chain", chain},
                  {"handle", handle},
                  {"expr", json::parse(statements)}}}};
  };
  constexpr auto kReject = R"([{"reject":{"type":"icmpx","expr":"admin-prohibited"}}])";
  return {
      {"nftables",
       {{{"chain",
          {{"family", "inet"},
           {"table", "firewalld"},
           {"name", "filter_INPUT"},
           {"type", "filter"},
           {"hook", "input"},
           {"policy", "accept"}}}},
        of_firewalld("filter_INPUT", kAcceptAnswers, 26),
        of_firewalld("filter_INPUT", in_input, 27),
        of_firewalld("filter_INPUT",
                     R"([{"match":{"op":"==","left":{"meta":{"key":"iifname"}},"right":"lo"}},{"accept":null}])", 28),
        of_firewalld("filter_INPUT", R"([{"jump":{"target":"filter_INPUT_ZONES"}}])", 33),
        of_firewalld("filter_INPUT", kReject, 34),
        of_firewalld(
            "filter_INPUT_ZONES",
            R"([{"match":{"op":"==","left":{"meta":{"key":"iifname"}},"right":"eth0"}},{"goto":{"target":"filter_IN_external"}}])",
            40),
        of_firewalld("filter_INPUT_ZONES", R"([{"goto":{"target":"filter_IN_public"}}])", 41),
        of_firewalld("filter_IN_external", R"([{"jump":{"target":"filter_IN_external_allow"}}])", 42),
        of_firewalld("filter_IN_external", kReject, 43),
        of_firewalld("filter_IN_external_allow", in_zone, 44),
        of_firewalld("filter_IN_public", kReject, 45)}}};
}

constexpr auto kRedirected = R"([{"match":{"op":"in","left":{"ct":{"key":"status"}},"right":"dnat"}},{"accept":null}])";

TEST(Firewall, WalksFirewalldsZones) {
  const Imagined call{.remote = kPeer, .local_port = 51820, .interface = "eth0"};
  const auto found = judge_datagram(firewalld(kRedirected, R"([{"counter":null}])"), call);
  EXPECT_EQ(found.fate, Fate::drops) << found.where;
  EXPECT_EQ(found.opened_by,
            "firewall-cmd --zone=external --add-port=51820/udp && "
            "firewall-cmd --permanent --zone=external --add-port=51820/udp");
  EXPECT_EQ(judge_datagram(firewalld(kRedirected, kAcceptPort), call).fate, Fate::passes);
}

/// firewalld's of Debian 13 come back from the zone, and are refused where they came from.
TEST(Firewall, NamesTheZoneThatHasBeenLeft) {
  auto rules = firewalld(kRedirected, R"([{"counter":null}])");
  for (auto& object : rules["nftables"]) {
    if (!object.contains("rule")) continue;
    auto& statements = object["rule"]["expr"];
    if (object["rule"]["handle"] == 43) statements = json::array({{{"counter", nullptr}}});
    if (object["rule"]["handle"] == 40) statements[1] = {{"jump", {{"target", "filter_IN_external"}}}};
    if (object["rule"]["handle"] == 41) statements = json::array({{{"reject", nullptr}}});
  }
  const auto found = judge_datagram(rules, {.remote = kPeer, .local_port = 51820, .interface = "eth0"});
  EXPECT_EQ(found.fate, Fate::drops);
  EXPECT_NE(found.where.find("filter_INPUT_ZONES"), std::string::npos) << found.where;
  EXPECT_NE(found.opened_by.find("--zone=external "), std::string::npos) << found.opened_by;
}

/// The same with a rule of such a chain that the zone asks before those that let in.
json with_rich_rule(const char* chain, const char* statements) {
  auto rules = firewalld(kRedirected, R"([{"counter":null}])");
  for (auto& object : rules["nftables"]) {
    if (!object.contains("rule") || object["rule"]["handle"] != 42) continue;
    object["rule"]["expr"] = json::array({{{"jump", {{"target", chain}}}}});
  }
  rules["nftables"].push_back(rule(chain, statements));
  rules["nftables"].back()["rule"]["table"] = "firewalld";
  return rules;
}

TEST(Firewall, NamesNoCommandWhereARichRuleDropsBeforeAllThatItWouldAdd) {
  constexpr auto kFromThere = R"([{"match":{"op":"==","left":{"payload":{"protocol":"ip","field":"saddr"}},
    "right":{"prefix":{"addr":"10.2.0.0","len":16}}}},{"drop":null}])";
  for (const auto* const name : {"filter_IN_external_deny", "filter_IN_external_pre"}) {
    const auto rules = with_rich_rule(name, kFromThere);
    const auto found = judge_datagram(rules, {.remote = kPeer, .local_port = 51820, .interface = "eth0"});
    EXPECT_EQ(found.fate, Fate::drops);
    EXPECT_NE(found.where.find(name), std::string::npos) << found.where;
    EXPECT_EQ(found.opened_by, "");
    const auto of_anybody = judge_datagram(rules, {.local_port = 51820, .interface = "eth0"});
    EXPECT_EQ(of_anybody.fate, Fate::drops);
    EXPECT_EQ(of_anybody.where.find(name), std::string::npos)
        << "it may be another one that drops: " << of_anybody.where;
    EXPECT_NE(of_anybody.opened_by.find("--add-port"), std::string::npos) << of_anybody.opened_by;
  }
}

TEST(Firewall, NamesNoZoneWhereItIsNotKnownWhatThePeerComesInBy) {
  const auto found = judge_datagram(firewalld(kRedirected, R"([{"counter":null}])"), {.local_port = 51820});
  EXPECT_EQ(found.fate, Fate::drops) << found.where;
  EXPECT_EQ(found.opened_by, "firewall-cmd --add-port=51820/udp && firewall-cmd --permanent --add-port=51820/udp");
}

TEST(Firewall, KnowsThatAPeersCallMayHaveBeenRedirected) {
  for (const auto* const statements :
       {R"([{"redirect":{"port":51820}}])", R"([{"dnat":{"addr":"10.1.0.2","port":51820}}])",
        R"([{"xt":{"type":"target","name":"REDIRECT"}}])"}) {
    auto rules = firewalld(kRedirected, R"([{"counter":null}])");
    rules["nftables"].push_back(rule("pre", statements));
    const auto found = judge_datagram(rules, {.remote = kPeer, .local_port = 51820, .interface = "eth0"});
    EXPECT_EQ(found.fate, Fate::unclear) << statements;
  }
}

TEST(Firewall, TakesNoCallForOneOfThisHostToItself) {
  constexpr auto kLo = R"([{"match":{"op":"==","left":{"meta":{"key":"iifname"}},"right":"lo"}},{"accept":null}])";
  constexpr auto kNotLo = R"([{"match":{"op":"!=","left":{"meta":{"key":"iif"}},"right":"lo"}},{"drop":null}])";
  const auto drops = [](const char* statements, const char* policy) {
    return judge_datagram({{"nftables", {chain("in", policy), rule("in", statements)}}}, {.local_port = 51820}).fate ==
           Fate::drops;
  };
  EXPECT_TRUE(drops(kLo, "drop"));
  EXPECT_TRUE(drops(kNotLo, "accept"));
}

/// ufw's, of Debian 12, shortened, and the same as `nft --handle list ruleset` has it.
json ufw_like(const char* allowed) {
  const auto extension = [](const char* kind, const char* name) {
    return json{{"xt", {{"type", kind}, {"name", name}}}};
  };
  // A list, since compilers do not agree on what {json} makes of a json.
  const auto in = [](const char* chain, const std::vector<json>& statements, int handle) {
    return json{
        {"rule", {{"family", "ip"}, {"table", "filter"}, {"chain", chain}, {"handle", handle}, {"expr", statements}}}};
  };
  const json accept{{"accept", nullptr}};
  const auto jump = [](const char* target) { return json{{"jump", {{"target", target}}}}; };
  return {{"nftables",
           {{{"chain",
              {{"family", "ip"},
               {"table", "filter"},
               {"name", "INPUT"},
               {"type", "filter"},
               {"hook", "input"},
               {"policy", "drop"}}}},
            in("INPUT", {jump("ufw-before-input")}, 21),
            in("ufw-before-input", {extension("match", "conntrack"), accept}, 53),
            in("ufw-before-input", {extension("match", "conntrack"), {{"drop", nullptr}}}, 57),
            in("ufw-before-input", {jump("ufw-not-local")}, 67),
            in("ufw-before-input", {jump("ufw-user-input")}, 93),
            in("ufw-before-input", {extension("target", "LOG")}, 94),
            in("ufw-not-local", {extension("match", "addrtype"), {{"return", nullptr}}}, 68),
            in("ufw-not-local", {extension("match", "addrtype"), {{"return", nullptr}}}, 69),
            in("ufw-not-local", {{{"drop", nullptr}}}, 72),
            in("ufw-user-input", {extension("match", "multiport"), extension("match", allowed), accept}, 108),
            in("ufw-user-input", {extension("match", "recent"), extension("target", "REJECT")}, 109)}}};
}

std::string ufw_listing(const std::string& ports) {
  return "table ip nat { # handle 1\n\tchain x { # handle 2\n\t\tct state new accept # handle 53\n\t}\n}\n"
         "table ip filter { # handle 2\n"
         "\tchain ufw-before-input { # handle 9\n"
         "\t\tct state related,established counter packets 0 bytes 0 accept # handle 53\n"
         "\t\tct state invalid counter packets 0 bytes 0 drop # handle 57\n"
         "\t\tjump ufw-not-local # handle 67\n"
         "\t}\n"
         "\tchain ufw-not-local { # handle 10\n"
         "\t\tfib daddr type != { local, broadcast } counter packets 0 bytes 0 return # handle 68\n"
         "\t\tfib daddr type local counter packets 0 bytes 0 return # handle 69\n"
         "\t}\n"
         "\tchain ufw-user-input { # handle 11\n"
         "\t\tmeta l4proto udp udp dport " +
         ports +
         " accept comment \"ct state established fib\" # handle 108\n"
         "\t\txt match recent reject # handle 109\n"
         "\t}\n}\n";
}

Ruling ruling_of_ufw(const std::string& ports, bool established = false, const char* allowed = "comment") {
  auto rules = ufw_like(allowed);
  EXPECT_TRUE(has_extensions(rules));
  spell_out_extensions(rules, ufw_listing(ports));
  return judge_datagram(rules, {.established = established, .remote = kPeer, .local_port = 51820, .interface = "eth0"});
}

TEST(Firewall, ReadsTheExtensionsOfIptablesInTheListing) {
  const auto shut = ruling_of_ufw("22");
  EXPECT_EQ(shut.fate, Fate::drops) << shut.where;
  EXPECT_EQ(shut.opened_by, "ufw allow 51820/udp");
  EXPECT_EQ(ruling_of_ufw("22", true).fate, Fate::passes) << "answers come in";
  for (const auto* const ports : {"51820", "{ 443, 51820 }", "51000-51999", "443,51820", "!= 22"}) {
    EXPECT_EQ(ruling_of_ufw(ports).fate, Fate::passes) << ports;
  }
  EXPECT_EQ(ruling_of_ufw("{ 1-2, 51821 }").fate, Fate::drops);
  EXPECT_EQ(ruling_of_ufw("51820", false, "quota2").fate, Fate::unclear) << "an extension that says nothing to us";
}

/// What opens the port to the peer where ufw has a rule for it in that chain; none: the peer is not known.
std::string opened_by_ufw(const char* chain, const char* statements, const Endpoint& peer) {
  auto rules = ufw_like("comment");
  spell_out_extensions(rules, ufw_listing("22"));
  auto first = rule(chain, statements, "ip");
  first["rule"]["table"] = "filter";
  auto& objects = rules["nftables"];
  objects.insert(std::next(objects.begin()), first);
  return judge_datagram(rules, {.remote = peer, .local_port = 51820, .interface = "eth0"}).opened_by;
}

TEST(Firewall, PutsARuleBeforeTheOneOfUfwsThatDrops) {
  constexpr auto kFromThere = R"([{"match":{"op":"==","left":{"payload":{"protocol":"ip","field":"saddr"}},
    "right":{"prefix":{"addr":"10.2.0.0","len":16}}}},{"drop":null}])";
  EXPECT_EQ(opened_by_ufw("ufw-user-input", kFromThere, kPeer),
            "ufw prepend allow proto udp from 10.2.0.2 to any port 51820");
  EXPECT_EQ(opened_by_ufw("ufw-user-input", kFromThere, {}), "ufw allow 51820/udp") << "it may be about another one";
  EXPECT_EQ(opened_by_ufw("ufw-user-input", kDropPort, {}), "") << "it has to go";
  EXPECT_EQ(opened_by_ufw("ufw-before-input", kFromThere, kPeer), "") << "nothing comes before it";
}

TEST(Firewall, DoesWithoutTheListing) {
  auto rules = ufw_like("comment");
  constexpr const char* kCutShort = R"(table ip filter {
	ct state # handle 53
	state ct # handle 57
	fib type # handle 68
	dport # handle 108
)";
  for (const auto* const listing :
       {"", "\n", "table", "table ip filter { # handle 2\n\t\tct # handle 53\n", kCutShort}) {
    auto same = rules;
    spell_out_extensions(same, listing);
    EXPECT_NO_THROW(judge_datagram(same, {.remote = kPeer, .local_port = 51820})) << listing;
  }
  EXPECT_EQ(judge_datagram(rules, {.remote = kPeer, .local_port = 51820}).fate, Fate::unclear);
  EXPECT_FALSE(has_extensions({{"nftables", {chain("in", "drop")}}}));
}

TEST(Firewall, RefusesWhatIsNoRuleset) {
  EXPECT_THROW(judge_datagram(json::parse("[]"), {}), json::exception);
  EXPECT_THROW(judge_datagram(json::parse(R"({"nftables": [{"chain": {"hook": 5}}]})"), {}), json::exception);
}

}  // namespace
}  // namespace adit::doctor
