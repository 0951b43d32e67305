// SPDX-License-Identifier: MIT
// The checks of `adit doctor`. Each looks at facts alone, asks nobody, and comes to one finding.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "doctor/facts.h"
#include "doctor/finding.h"

namespace adit::doctor {

struct Check {
  std::string_view id;  ///< also its heading in docs/troubleshooting.md
  Finding (*judge)(const Facts& facts);
};

/// In the order in which they are shown: from the file over this host to the peer.
std::span<const Check> checks();

std::vector<Finding> judge_all(const Facts& facts);

/// The problem that the others probably follow from, or null: there is none.
const Finding* most_likely(std::span<const Finding> findings);

Verdict worst(std::span<const Finding> findings);

// judge_config.cpp: the file.
Finding judge_config(const Facts& facts);
Finding judge_permissions(const Facts& facts);
Finding judge_own_key(const Facts& facts);
Finding judge_in_force(const Facts& facts);

// judge_service.cpp: what runs, and may.
Finding judge_daemon(const Facts& facts);
Finding judge_unit(const Facts& facts);
Finding judge_tun_device(const Facts& facts);
Finding judge_capability(const Facts& facts);
Finding judge_state_directory(const Facts& facts);

// judge_host.cpp: settings of this host.
Finding judge_ipv6(const Facts& facts);
Finding judge_rp_filter(const Facts& facts);
Finding judge_forwarding(const Facts& facts);
Finding judge_clock(const Facts& facts);
Finding judge_buffers(const Facts& facts);
Finding judge_offload(const Facts& facts);

// judge_network.cpp: interfaces, addresses and routes.
Finding judge_interface(const Facts& facts);
Finding judge_overlap(const Facts& facts);
Finding judge_routes(const Facts& facts);
Finding judge_port(const Facts& facts);

// judge_bridge.cpp: of a link for Ethernet frames.
Finding judge_bridge(const Facts& facts);

// judge_path.cpp: the way to the peer.
Finding judge_endpoint(const Facts& facts);
Finding judge_way(const Facts& facts);
Finding judge_firewall(const Facts& facts);
Finding judge_mtu(const Facts& facts);
Finding judge_path_mtu(const Facts& facts);

// judge_peer.cpp: what the daemon heard.
Finding judge_state(const Facts& facts);
Finding judge_handshake(const Facts& facts);
Finding judge_peer_key(const Facts& facts);
Finding judge_preshared_key(const Facts& facts);
Finding judge_mac1(const Facts& facts);
Finding judge_peer_clock(const Facts& facts);
Finding judge_allowed_ips(const Facts& facts);
Finding judge_sending(const Facts& facts);
Finding judge_nat(const Facts& facts);

}  // namespace adit::doctor
