// SPDX-License-Identifier: MIT
// What the checks make of facts that no test host can be brought to.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "config/validate.h"
#include "doctor/checks.h"

namespace adit::doctor {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;

constexpr seconds kNow{1'800'000'000};

IpNetwork network(std::string_view text) {
  return IpNetwork::parse(text).value();
}

Endpoint endpoint(std::string_view text) {
  return Endpoint::parse(text).value();
}

/// A link without a daemon, on a host where all is well.
Facts healthy() {
  Facts facts{.name = "office", .file = "/etc/adit/office.yaml"};
  config::Config config;
  config.name = "office";
  config.interface.name = "office";
  config.interface.addresses = {network("10.9.0.1/30")};
  config.local.listen.port = 51820;
  config.peer.allowed_ips = {network("10.9.0.0/30")};
  config.peer.endpoints = {{"192.0.2.7", 51820}};
  facts.file_facts.state = FileState::valid;
  facts.file_facts.config = std::move(config);
  facts.file_facts.mode = 0600;
  facts.daemon.failure = client::AskFailure::no_socket;
  facts.unit.why_not = "this host is not run by systemd";
  facts.host.is_root = true;
  facts.host.capabilities = ~std::uint64_t{0};
  facts.host.now = {kNow};
  facts.port.tried = true;
  facts.offload = {.udp_send = true, .udp_receive = true, .delivered = true, .tun_tcp = true, .tun_udp = true};
  facts.path.endpoints = {{"192.0.2.7:51820", {endpoint("192.0.2.7:51820")}, ""}};
  facts.path.ways = {{.to = endpoint("192.0.2.7:51820"),
                      .route = net::RouteInfo{.interface = 2, .mtu = 1500, .source = network("192.0.2.1").address},
                      .interface = "eth0"}};
  facts.network.interfaces = {
      {.name = "lo", .index = 1, .up = true},
      {.name = "eth0", .index = 2, .up = true, .mtu = 1500, .addresses = {network("192.0.2.1/24")}}};
  facts.network.routes = {{.to = network("192.0.2.0/24"), .interface = "eth0", .table = 254},
                          {.to = network("0.0.0.0/0"), .interface = "eth0", .table = 254}};
  facts.path.probe.why_not = "the link is not up";
  return facts;
}

/// The same with a daemon whose link is up.
Facts running() {
  auto facts = healthy();
  facts.daemon.failure.reset();
  facts.daemon.pid = 7;
  facts.daemon.capabilities = ~std::uint64_t{0};
  facts.daemon.status = LinkStatus{.interface = "office",
                                   .state = "up",
                                   .local_key = crypto::to_base64(crypto::PublicKey()),
                                   .endpoint = "192.0.2.7:51820",
                                   .endpoint_source = "configured",
                                   .latest_handshake = kNow.count() - 5,
                                   .port = 51820,
                                   .mtu = 1420};
  facts.daemon.status->peer_key = crypto::to_base64(facts.config()->peer.public_key);
  facts.network.interfaces.push_back(
      {.name = "office", .index = 3, .up = true, .is_tun = true, .mtu = 1420, .addresses = {network("10.9.0.1/30")}});
  return facts;
}

config::Config& config_of(Facts& facts) {
  return *facts.file_facts.config;
}

TEST(DoctorJudges, FindNothingWrongWhereNothingIs) {
  for (const auto& finding : judge_all(running())) {
    EXPECT_TRUE(finding.verdict == Verdict::ok || finding.verdict == Verdict::skipped) << finding.id << finding.title;
  }
  for (const auto& finding : judge_all(healthy())) {
    if (finding.id == "daemon") continue;
    EXPECT_TRUE(finding.verdict == Verdict::ok || finding.verdict == Verdict::skipped) << finding.id << finding.title;
  }
}

TEST(DoctorJudges, SurviveAFileThatIsNotThere) {
  Facts facts{.name = "office", .file = "f"};
  facts.file_facts.state = FileState::invalid;
  facts.daemon.failure = client::AskFailure::nobody;
  EXPECT_EQ(judge_all(facts).size(), checks().size());
}

TEST(DoctorJudges, EveryAlarmSaysWhatMendsIt) {
  auto facts = running();
  facts.daemon.status->state = "connecting";
  facts.daemon.status->latest_handshake.reset();
  for (const auto* const reason :
       {"wrong_key", "unverified_response", "bad_mac1", "old_timestamp", "disallowed_source", "send_failed"}) {
    facts.daemon.status->drops[reason] = 3;
  }
  facts.host.state_problem = facts.host.tun_problem = facts.host.tun_mend = "no";
  facts.network.interfaces.pop_back();
  facts.path.ways[0].route.reset();
  facts.path.firewall.called.fate = facts.path.firewall.answered.fate = Fate::drops;
  std::size_t alarms = 0;
  for (const auto& finding : judge_all(facts)) {
    if (finding.verdict != Verdict::problem && finding.verdict != Verdict::warning) continue;
    ++alarms;
    EXPECT_NE(finding.mend, "") << finding.id;
    EXPECT_FALSE(finding.title.ends_with('.')) << finding.title;
  }
  EXPECT_GE(alarms, 12U);
}

/// The link carries frames, and its interface is in a bridge where all is well.
Facts bridged() {
  auto facts = running();
  auto& config = config_of(facts);
  config.interface.mode = config::Mode::tap;
  config.interface.addresses.clear();
  config.interface.tap.bridge = "br0";
  facts.network.interfaces.back().addresses.clear();
  facts.network.interfaces.back().mtu = 1378;
  facts.network.interfaces.back().bridge = "br0";
  facts.network.interfaces.back().port_state = 3;
  facts.network.interfaces.push_back({.name = "br0",
                                      .index = 4,
                                      .up = true,
                                      .mtu = 1378,
                                      .addresses = {network("192.168.50.1/24"), network("fe80::1/64")},
                                      .is_bridge = true});
  facts.network.routes.push_back({.to = network("192.168.50.0/24"), .interface = "br0", .table = 254});
  return facts;
}

InterfaceFacts& port_of(Facts& facts) {
  return facts.network.interfaces[facts.network.interfaces.size() - 2];
}

InterfaceFacts& bridge_of(Facts& facts) {
  return facts.network.interfaces.back();
}

TEST(DoctorJudges, ABridgeWhereAllIsWellIsFine) {
  EXPECT_EQ(judge_bridge(running()).verdict, Verdict::skipped) << "no frames";
  auto facts = bridged();
  EXPECT_EQ(judge_bridge(facts).verdict, Verdict::ok) << judge_bridge(facts).title;
  bridge_of(facts).stp = true;
  port_of(facts).port_state = 1;
  const auto listening = judge_bridge(facts);
  EXPECT_EQ(listening.verdict, Verdict::ok);
  EXPECT_THAT(joined(listening.evidence, " "), HasSubstr("listening: frames pass"));
  config_of(facts).interface.tap.bridge.clear();
  EXPECT_EQ(judge_bridge(facts).verdict, Verdict::ok) << "others put it there";
  port_of(facts).bridge.clear();
  EXPECT_EQ(judge_bridge(facts).verdict, Verdict::ok) << "in none, and to be in none";
  config_of(facts).interface.tap.bridge = "br0";
  facts.daemon.status.reset();
  EXPECT_EQ(judge_bridge(facts).verdict, Verdict::ok) << "nobody is to be in it yet";
}

TEST(DoctorJudges, ABridgeThatCarriesNothingIsAProblem) {
  struct Row {
    void (*breaks)(Facts& facts);
    const char* title;
    const char* mend;
  };
  const Row rows[] = {
      {[](Facts& facts) { bridge_of(facts).name = "br1"; }, "there is no bridge br0", "ip link add br0 type bridge"},
      {[](Facts& facts) { bridge_of(facts).is_bridge = false; }, "br0 (interface.bridge) is no bridge", "correct"},
      {[](Facts& facts) { bridge_of(facts).up = false; }, "the bridge br0 is down", "ip link set br0 up"},
      {[](Facts& facts) { port_of(facts).bridge.clear(); }, "office is not in br0", "ip link set office master br0"},
      {[](Facts& facts) { port_of(facts).bridge = "br1"; }, "office is not in br0", "ip link set office master br0"},
  };
  for (const auto& row : rows) {
    auto facts = bridged();
    row.breaks(facts);
    const auto finding = judge_bridge(facts);
    EXPECT_EQ(finding.verdict, Verdict::problem) << row.title;
    EXPECT_THAT(finding.title, HasSubstr(row.title));
    EXPECT_THAT(finding.mend, HasSubstr(row.mend));
  }
}

TEST(DoctorJudges, ABridgeThatLeadsFramesAstrayIsWarnedOf) {
  struct Row {
    void (*breaks)(Facts& facts);
    const char* title;
    const char* mend;
  };
  const Row rows[] = {
      {[](Facts& facts) { bridge_of(facts).mtu = 1500; }, "br0 has an MTU of 1500, and its port office one of 1378",
       "ip link set br0 mtu 1378"},
      {[](Facts& facts) {
         bridge_of(facts).stp = true;
         port_of(facts).port_state = 4;
       },
       "has blocked the link", "bridge link show"},
      {[](Facts& facts) {
         facts.daemon.status->drops["looped"] = 3;
         facts.network.interfaces[1].bridge = "br0";
       },
       "led the link's own encrypted packets into the link", "out of br0"},
      {[](Facts& facts) {
         facts.network.routes.push_back({.to = network("192.168.50.0/24"), .interface = "wg0", .table = 254});
       },
       "192.168.50.0/24 is behind br0, and wg0 leads there, too", "ip route del 192.168.50.0/24 dev wg0"},
      {[](Facts& facts) { facts.host.proxy_arp = {{"all", 0}, {"br0", 1}}; }, "proxy ARP is on for br0",
       "net.ipv4.conf.br0.proxy_arp=0"},
  };
  auto all = bridged();
  for (const auto& row : rows) {
    auto facts = bridged();
    row.breaks(facts);
    row.breaks(all);
    const auto finding = judge_bridge(facts);
    EXPECT_EQ(finding.verdict, Verdict::warning) << row.title;
    EXPECT_THAT(finding.title, HasSubstr(row.title));
    EXPECT_THAT(finding.mend, HasSubstr(row.mend));
  }
  EXPECT_EQ(judge_bridge(all).verdict, Verdict::warning);
  EXPECT_EQ(
      std::ranges::count_if(judge_bridge(all).evidence, [](const auto& line) { return line.starts_with("besides, "); }),
      4);
}

TEST(DoctorJudges, AClockBeforeThisProgramIsWrong) {
  auto facts = healthy();
  facts.host.now = {seconds(86'400)};
  EXPECT_EQ(judge_clock(facts).verdict, Verdict::problem);
  facts.host.now = {kNow};
  facts.host.clock_synchronised = false;
  EXPECT_EQ(judge_clock(facts).verdict, Verdict::ok) << "many a sane clock is not known to the kernel";
}

TEST(DoctorJudges, TheSavedTimestampMayBeAheadByItsMargin) {
  auto facts = healthy();
  facts.host.saved_timestamp = WallTime{kNow + seconds(60)};
  EXPECT_EQ(judge_clock(facts).verdict, Verdict::ok);
  facts.host.saved_timestamp = WallTime{kNow + seconds(600)};
  EXPECT_EQ(judge_clock(facts).verdict, Verdict::warning);
}

TEST(DoctorJudges, AnOffloadThatIsMissingMattersOnlyIfTheFileInsists) {
  auto facts = healthy();
  facts.offload.udp_send = facts.offload.tun_udp = false;
  EXPECT_EQ(judge_offload(facts).verdict, Verdict::ok);
  config_of(facts).tuning.udp_offload = config::Switch::on;
  EXPECT_EQ(judge_offload(facts).verdict, Verdict::problem);
}

TEST(DoctorJudges, OffloadsThatGarbleAreAProblem) {
  auto facts = healthy();
  facts.offload.delivered = false;
  EXPECT_EQ(judge_offload(facts).verdict, Verdict::problem);
}

TEST(DoctorJudges, ARunThatForgetsAboutIpv6NeedsIt) {
  auto facts = healthy();
  facts.host.has_ipv6 = false;
  EXPECT_EQ(judge_ipv6(facts).verdict, Verdict::ok);
  config_of(facts).interface.addresses.push_back(network("fd09::1/126"));
  EXPECT_EQ(judge_ipv6(facts).verdict, Verdict::problem);
}

TEST(DoctorJudges, BufferLimitsBindWhoeverLacksTheCapability) {
  auto facts = running();
  facts.host.rmem_max = facts.host.wmem_max = 212'992;
  EXPECT_EQ(judge_buffers(facts).verdict, Verdict::ok);
  facts.daemon.capabilities = 0;
  EXPECT_EQ(judge_buffers(facts).verdict, Verdict::warning);
  config_of(facts).tuning.receive_buffer = config_of(facts).tuning.send_buffer = 65'536;
  EXPECT_EQ(judge_buffers(facts).verdict, Verdict::ok);
  facts.daemon.capabilities = kNetAdmin;
  facts.host.in_user_namespace = true;
  config_of(facts).tuning.receive_buffer.reset();
  EXPECT_EQ(judge_buffers(facts).verdict, Verdict::warning);
}

TEST(DoctorJudges, AFewOverflowsAmongMillionsAreNoAlarm) {
  auto facts = running();
  facts.port.overflows = 10;
  facts.daemon.status->received_packets = 1'000'000;
  EXPECT_EQ(judge_buffers(facts).verdict, Verdict::ok);
  facts.daemon.status->received_packets = 1'000;
  EXPECT_EQ(judge_buffers(facts).verdict, Verdict::warning);
}

TEST(DoctorJudges, OneAddressOfThePeerThatCanBeReachedIsEnough) {
  auto facts = healthy();
  facts.path.ways.insert(facts.path.ways.begin(), {.to = endpoint("[2001:db8::7]:51820"), .error = "no route"});
  EXPECT_EQ(judge_way(facts).verdict, Verdict::ok);
  facts.path.ways.pop_back();
  EXPECT_EQ(judge_way(facts).verdict, Verdict::problem);
}

TEST(DoctorJudges, APathTooNarrowForIpv6IsNoReasonForASmallerMtu) {
  auto facts = running();
  facts.path.probe = {.why_not = "", .address = "10.9.0.2", .mtu = 1280, .answers = true, .largest = 1220};
  EXPECT_EQ(judge_path_mtu(facts).verdict, Verdict::problem) << "without IPv6 inside there is something else";
  config_of(facts).interface.addresses.push_back(network("fd09::1/126"));
  const auto finding = judge_path_mtu(facts);
  EXPECT_EQ(finding.verdict, Verdict::warning);
  EXPECT_NE(finding.title.find("room for 1220 bytes inside, and the interface must take 1280"), std::string::npos);
  EXPECT_EQ(finding.mend.find("interface.mtu"), std::string::npos);
  facts.path.probe.mtu = 1420;
  EXPECT_EQ(judge_path_mtu(facts).verdict, Verdict::problem) << "this is another black hole";
}

TEST(DoctorJudges, FramesThatTheWayHasNoRoomForAreNoFault) {
  auto facts = bridged();
  facts.daemon.status->mtu = 1500;
  config_of(facts).interface.mtu = 1500;
  EXPECT_EQ(judge_mtu(facts).verdict, Verdict::ok);
  config_of(facts).interface.mode = config::Mode::tun;
  EXPECT_EQ(judge_mtu(facts).verdict, Verdict::warning) << "packets are";
}

TEST(DoctorJudges, ARouteToThePeerItselfIsNoOverlap) {
  auto facts = healthy();
  config_of(facts).routes = {{.to = network("192.0.0.0/16")}};
  facts.network.routes = {{.to = network("192.0.2.7/32"), .interface = "eth0", .table = 254}};
  EXPECT_EQ(judge_overlap(facts).verdict, Verdict::ok);
  facts.network.routes[0].to = network("192.0.2.8/32");
  EXPECT_EQ(judge_overlap(facts).verdict, Verdict::warning);
  facts.network.routes[0].table = 100;
  EXPECT_EQ(judge_overlap(facts).verdict, Verdict::ok) << "another table's routes are for others";
}

TEST(DoctorJudges, RefusalsWhileTheLinkIsUpAreSomebodyElses) {
  auto facts = running();
  for (const auto* const reason : {"wrong_key", "unverified_response", "bad_mac1", "old_timestamp"}) {
    facts.daemon.status->drops[reason] = 1000;
  }
  for (const auto& finding : judge_all(facts)) EXPECT_LT(finding.verdict, Verdict::warning) << finding.id;
  facts.daemon.status->state = "connecting";
  EXPECT_EQ(judge_peer_key(facts).verdict, Verdict::problem);
}

TEST(DoctorJudges, TheDaemonsOwnWordsAreTheEvidence) {
  auto facts = running();
  facts.daemon.status->state = "connecting";
  facts.daemon.status->drops["wrong_key"] = 2;
  facts.daemon.status->observations = {{.kind = "wrong_key", .sentence = "192.0.2.9 calls with key XYZ"}};
  EXPECT_THAT(judge_peer_key(facts).evidence, testing::Contains("192.0.2.9 calls with key XYZ"));
}

TEST(DoctorJudges, WhatWasLongAgoIsNoCauseOfToday) {
  auto facts = running();
  facts.daemon.status->state = "stale";
  facts.daemon.status->drops = {{"wrong_key", 2}, {"send_failed", 2}};
  facts.daemon.status->observations = {{.kind = "wrong_key", .sentence = "s", .last = kNow.count() - 3600},
                                       {.kind = "send_failed", .sentence = "s", .last = kNow.count() - 3600}};
  EXPECT_EQ(judge_peer_key(facts).verdict, Verdict::ok);
  EXPECT_EQ(judge_sending(facts).verdict, Verdict::ok);
  for (auto& each : facts.daemon.status->observations) each.last = kNow.count() - 5;
  EXPECT_EQ(judge_peer_key(facts).verdict, Verdict::problem);
  EXPECT_EQ(judge_sending(facts).verdict, Verdict::problem);
}

TEST(DoctorJudges, WhatALinkThatHasEndedBlocksIsToldOf) {
  auto facts = running();
  facts.network.blocked = true;
  EXPECT_EQ(judge_routes(facts).verdict, Verdict::ok) << "a link that runs has them behind its own";
  auto ended = healthy();
  ended.network.blocked = true;
  const auto finding = judge_routes(ended);
  EXPECT_EQ(finding.verdict, Verdict::problem);
  EXPECT_THAT(finding.mend, testing::HasSubstr("adit unblock"));
}

TEST(DoctorJudges, WhatGoesPastTheTunnelIsAProblemOfRoutes) {
  auto facts = running();
  EXPECT_EQ(judge_routes(facts).verdict, Verdict::ok);
  facts.network.bypasses = {"IPv4 traffic goes past the tunnel, by eth0: the rule 1000"};
  const auto finding = judge_routes(facts);
  EXPECT_EQ(finding.verdict, Verdict::problem);
  EXPECT_THAT(finding.evidence, testing::ElementsAre(HasSubstr("the rule 1000")));
}

TEST(DoctorJudges, AStrictFilterOfTheUplinkDoesNotHarmAPeerOnTheSameWire) {
  auto facts = healthy();
  config_of(facts).routes = {{.to = network("0.0.0.0/0")}};
  config_of(facts).peer.allowed_ips = {network("0.0.0.0/0")};
  facts.host.rp_filter = {{"all", 1}, {"eth0", 0}};
  EXPECT_EQ(judge_rp_filter(facts).verdict, Verdict::ok);
  facts.path.ways[0].to = endpoint("198.51.100.7:51820");
  EXPECT_EQ(judge_rp_filter(facts).verdict, Verdict::problem);
  facts.host.src_valid_mark = {{"all", 0}, {"eth0", 1}};
  EXPECT_EQ(judge_rp_filter(facts).verdict, Verdict::ok);
  facts.path.firewall.lacks_shield = true;
  EXPECT_EQ(judge_rp_filter(facts).verdict, Verdict::ok) << "a link that does not run has none";
  facts.daemon.status.emplace();
  EXPECT_EQ(judge_rp_filter(facts).verdict, Verdict::problem) << "nothing that comes in is marked";
  facts.path.firewall.lacks_shield = false;
  facts.host.src_valid_mark["eth0"] = 0;
  EXPECT_EQ(judge_rp_filter(facts).verdict, Verdict::problem);
  facts.host.rp_filter["eth0"] = 2;
  EXPECT_EQ(judge_rp_filter(facts).verdict, Verdict::ok);
}

TEST(DoctorJudges, SayThatTheRuleHasToGoWhereNothingComesBeforeIt) {
  auto facts = healthy();
  facts.path.firewall.answered = {.fate = Fate::drops, .where = "rule 7", .opened_by = "ufw allow 51820/udp"};
  EXPECT_EQ(judge_firewall(facts).mend, "let it in: `ufw allow 51820/udp`");
  facts.path.firewall.answered.opened_by.clear();
  EXPECT_THAT(judge_firewall(facts).mend, HasSubstr("take that rule away"));
  config_of(facts).local.listen.port = 0;
  EXPECT_THAT(judge_firewall(facts).mend, HasSubstr("give local.listen a port"));
}

TEST(DoctorJudges, AWaitingEndWhoseFirewallIsClosedIsAProblemUnlessTheLinkIsUp) {
  auto facts = running();
  config_of(facts).peer.endpoints.clear();
  facts.path.firewall.called.fate = Fate::drops;
  EXPECT_EQ(judge_firewall(facts).verdict, Verdict::warning);
  facts.daemon.status->state = "waiting";
  EXPECT_EQ(judge_firewall(facts).verdict, Verdict::problem);
}

TEST(DoctorJudges, ALinkThatNobodyHasGivenKeysIsToBeGivenSome) {
  auto facts = running();
  facts.daemon.status->state = "waiting";
  EXPECT_NE(judge_state(facts).mend.find("the other end"), std::string::npos);
  facts.daemon.status->peer_key.clear();
  facts.daemon.status->reason = "no peer yet: `wg set l` gives it one";
  EXPECT_EQ(judge_state(facts).mend, "give it its keys, as the reason says");
}

TEST(DoctorJudges, ADefaultRouteIsInUseAlsoWhereItBlocksAFamilyWithoutAddresses) {
  auto facts = running();
  facts.daemon.status->routes = {network("0.0.0.0/0")};
  config_of(facts).routes = {{.to = network("0.0.0.0/0")}, {.to = network("::/0")}};
  EXPECT_EQ(judge_in_force(facts).verdict, Verdict::ok);
  config_of(facts).interface.netns = "elsewhere";
  EXPECT_THAT(judge_in_force(facts).evidence, testing::Contains("the route ::/0 of the file is not in use"))
      << "there it is a route like any other";
  config_of(facts).interface.netns.clear();
  config_of(facts).interface.addresses.push_back(network("fd09::1/126"));
  EXPECT_EQ(judge_in_force(facts).verdict, Verdict::warning);
}

TEST(DoctorJudges, ForwardingIsForWhoStandsBetweenNetworks) {
  auto facts = healthy();
  facts.host.forwards_v4 = false;
  config_of(facts).routes = {{.to = network("0.0.0.0/0")}};
  facts.host.misdirected = 5;
  EXPECT_EQ(judge_forwarding(facts).verdict, Verdict::ok) << "a default route is for this host itself";
  config_of(facts).routes = {{.to = network("192.168.20.0/24")}};
  EXPECT_EQ(judge_forwarding(facts).verdict, Verdict::warning);
  facts.host.misdirected = 0;
  EXPECT_EQ(judge_forwarding(facts).verdict, Verdict::ok);
  config_of(facts).routes.clear();
  config_of(facts).interface.forward = true;
  const auto asked_for = judge_forwarding(facts);
  EXPECT_EQ(asked_for.verdict, Verdict::warning) << "the file says that it is to be on";
  EXPECT_NE(asked_for.mend.find("`net.ipv4.ip_forward = 1` in /etc/sysctl.d/90-adit.conf"), std::string::npos);
}

TEST(DoctorJudges, AnotherNetworkIsOneThatIsUpAndNotOnTheWay) {
  auto facts = healthy();
  facts.host.forwards_v4 = false;
  config_of(facts).routes = {{.to = network("192.168.20.0/24")}};
  facts.network.interfaces.push_back({.name = "eth1", .index = 5, .addresses = {network("192.168.1.1/24")}});
  EXPECT_EQ(judge_forwarding(facts).verdict, Verdict::ok) << "nobody is there while it is down";
  facts.network.interfaces.back().up = true;
  const auto found = judge_forwarding(facts);
  EXPECT_EQ(found.verdict, Verdict::warning);
  EXPECT_THAT(found.evidence, testing::Contains("eth1 has 192.168.1.1/24"));
}

TEST(DoctorJudges, OurOwnKeyInPlaceOfThePeersIsNamedAndNoOtherMistake) {
  auto facts = healthy();
  facts.file_facts.state = FileState::invalid;
  facts.file_facts.config.reset();
  facts.file_facts.problems = {{.file = "f", .line = 1, .column = 1, .key = "peer.endpoint", .reason = "is empty"}};
  EXPECT_EQ(judge_own_key(facts).verdict, Verdict::skipped);
  facts.file_facts.problems.push_back(
      {.file = "f", .key = "peer.public_key", .reason = std::string(config::kOwnKeyReason)});
  const auto found = judge_own_key(facts);
  EXPECT_EQ(found.verdict, Verdict::problem);
  EXPECT_THAT(found.evidence, testing::ElementsAre(HasSubstr("f: peer.public_key")));
}

TEST(DoctorJudges, AnMtuThatIsTooLargeIsMendedWhereItCameFrom) {
  auto facts = running();
  facts.path.ways[0].route->mtu = 1400;
  const auto automatic = judge_mtu(facts);
  EXPECT_EQ(automatic.verdict, Verdict::warning);
  EXPECT_THAT(automatic.mend, HasSubstr("raise the MTU of that interface"));
  config_of(facts).interface.mtu = 1420;
  EXPECT_EQ(judge_mtu(facts).mend, "interface.mtu: auto, or 1340");
  facts.file_facts.config.reset();
  EXPECT_EQ(judge_mtu(facts).verdict, Verdict::warning);
}

TEST(DoctorJudges, AFileThatMayNotBeReadIsNoProblemOfTheFile) {
  auto facts = healthy();
  facts.file_facts.state = FileState::forbidden;
  facts.file_facts.config.reset();
  EXPECT_EQ(judge_config(facts).verdict, Verdict::skipped);
}

TEST(DoctorJudges, ADaemonWhoseSocketWasRemovedIsToBeStartedAnew) {
  auto facts = healthy();
  EXPECT_EQ(judge_daemon(facts).mend, "systemctl start adit@office");
  facts.unit = {"", {{"LoadState", "loaded"}, {"ActiveState", "active"}, {"SubState", "running"}}};
  const auto finding = judge_daemon(facts);
  EXPECT_EQ(finding.verdict, Verdict::problem);
  EXPECT_EQ(finding.mend, "systemctl restart adit@office") << "a start of what runs does nothing";
}

TEST(DoctorJudges, AUnitThatStartsAgainAndAgainIsAProblem) {
  auto facts = healthy();
  facts.unit = {"", {{"LoadState", "loaded"}, {"ActiveState", "activating"}, {"SubState", "auto-restart"}}};
  EXPECT_EQ(judge_unit(facts).verdict, Verdict::problem);
}

}  // namespace
}  // namespace adit::doctor
