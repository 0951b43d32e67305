// SPDX-License-Identifier: MIT
// What a Config asks of the host's network, in the terms of daemon/net. Pure translation; HostSetup carries it out.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "host/interface_setup.h"
#include "host/policy_routing.h"
#include "net/tun_device.h"
#include "net/udp_pair.h"

namespace adit::host {

/// What the interface's MTU is smaller by than the packets that are sealed: 0 unless it is for frames.
std::uint32_t frame_overhead(const config::Config& config);
net::TunOptions tun_options(const config::Config& config);
net::ListenOptions listen_options(const config::Config& config);
/// Without the default routes of default_families, and without those that contain one of `peers`: of both PolicyRouting
/// takes care.
InterfaceSettings interface_settings(const config::Config& config, std::uint32_t mtu,
                                     const std::vector<IpAddress>& peers);
/// `interface`: of the tunnel. `peers`: where the encrypted packets go, or may go.
PolicyRoutingOptions policy_options(const config::Config& config, std::uint32_t interface,
                                    const std::vector<IpAddress>& peers);

/// Families whose default route is to lead into the tunnel for the whole host, or to be blocked: a default route that
/// names a table concerns that table only, and one in another network namespace (interface.netns) does not concern this
/// host.
std::vector<Family> default_families(const config::Config& config);
/// Of them those that the interface has no address of: nothing of theirs may leave this host.
std::vector<Family> blocked_families(const config::Config& config);
/// A sentence with the mend.
std::string why_blocked(Family family);
/// The routes lead everything of the whole host into the tunnel in one family or the other, or the greater part of it:
/// halves, or all but private networks.
bool is_full_tunnel(const config::Config& config);
/// interface.kill_switch, or what it is by itself.
config::KillSwitch kill_switch(const config::Config& config);
/// The link's number: as it was found out (Config::number), else that of its name.
std::uint32_t number_of(const config::Config& config);
/// The mark that our own datagrams have from the start: local.fwmark, else the link's number where the routes lead to
/// the peer itself, as default routes do.
std::optional<std::uint32_t> datagram_mark(const config::Config& config);
/// The addresses among peer.endpoints: those that need not be asked for.
std::vector<IpAddress> literal_endpoints(const config::Config& config);
/// A route leads `address` into the tunnel that belongs into InterfaceSettings; not one for a table of its own.
bool is_routed(const config::Config& config, const IpAddress& address);

bool carries_v6(const config::Config& config);
/// `local.listen` as it turned out.
std::string listen_text(const config::Listen& listen, std::uint16_t port);

}  // namespace adit::host
