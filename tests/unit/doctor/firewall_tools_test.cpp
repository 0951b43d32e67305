// SPDX-License-Identifier: MIT
// The rulesets of firewalld, ufw and iptables, and the one command that opens the port with each.
#include "doctor/firewall.h"

#include <gtest/gtest.h>

#include "doctor/firewall_extensions.h"
#include "doctor/rulesets.h"

namespace adit::doctor {
namespace {

using namespace test;

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
