// SPDX-License-Identifier: MIT
// Rulesets as `nft --json list ruleset` (1.0.6) prints them, of one table, and what becomes of the link's datagrams.
#pragma once

#include <nlohmann/json.hpp>
#include <vector>

#include "doctor/firewall.h"

namespace adit::doctor::test {

using nlohmann::json;

inline const auto kPeer = Endpoint::parse("10.2.0.2:51820").value();

inline json chain(const char* name, const char* policy, const char* hook = "input", const char* family = "inet") {
  return {
      {"chain",
       {{"family", family}, {"table", "t"}, {"name", name}, {"type", "filter"}, {"hook", hook}, {"policy", policy}}}};
}

inline json plain_chain(const char* name) {
  return {{"chain", {{"family", "inet"}, {"table", "t"}, {"name", name}}}};
}

inline json rule(const char* chain, const char* statements, const char* family = "inet") {
  return {{"rule",
           {{"family", family}, {"table", "t"}, {"chain", chain}, {"handle", 7}, {"expr", json::parse(statements)}}}};
}

using Rules = std::vector<json>;

inline Ruling ruling(const Rules& objects, Imagined datagram = {}) {
  if (!datagram.remote.known()) datagram.remote = kPeer;
  datagram.local_port = 51820;
  datagram.interface = "eth0";
  return judge_datagram({{"nftables", objects}}, datagram);
}

inline constexpr auto kAcceptPort =
    R"([{"match":{"op":"==","left":{"payload":{"protocol":"udp","field":"dport"}},"right":51820}},{"accept":null}])";
inline constexpr auto kAcceptAnswers =
    R"([{"match":{"op":"in","left":{"ct":{"key":"state"}},"right":["established","related"]}},{"accept":null}])";
inline constexpr auto kDropPort =
    R"([{"match":{"op":"==","left":{"payload":{"protocol":"udp","field":"dport"}},"right":51820}},{"drop":null}])";

}  // namespace adit::doctor::test
