// SPDX-License-Identifier: MIT
// What a daemon says of a link, for those who read it.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace adit::test {

inline nlohmann::ordered_json link(const std::string& name, const std::string& state) {
  auto json = nlohmann::ordered_json::parse(R"({
    "name": "", "interface": "adit0", "state": "", "reason": "", "since": 1000,
    "peer": {"public_key": "KEY=", "endpoint": "192.0.2.7:51820", "endpoint_source": "learned",
             "latest_handshake": 1100, "handshake_rtt_ms": 1.25, "keepalive": 25},
    "local": {"public_key": "OURS=", "listen": "51820"},
    "traffic": {"tx": {"packets": 1, "bytes": 84}, "rx": {"packets": 2000, "bytes": 2560000}},
    "drops": {"forged": 3, "replayed": 0, "rate_limited": 1}, "mtu": 1420, "crypto": "libsodium",
    "offload": {"tun_tcp": "on", "tun_udp": "on", "udp_send": "on", "udp_receive": "on"}, "routes": [], "workers": 1, "workers_limited_by": null, "restarts": 0})");
  json["name"] = name;
  json["state"] = state;
  return json;
}

}  // namespace adit::test
