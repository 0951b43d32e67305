// SPDX-License-Identifier: MIT
// What a Config asks of the host's network, in the terms of daemon/net. Pure translation; HostSetup carries it out.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "host/interface_setup.h"
#include "net/tun_device.h"
#include "net/udp_pair.h"

namespace adit::host {

net::TunOptions tun_options(const config::Config& config);
net::ListenOptions listen_options(const config::Config& config);
/// The same as text: sockets made for it can go on with options of the same text.
std::string to_text(const net::ListenOptions& options);
/// Without the default routes of default_families.
InterfaceSettings interface_settings(const config::Config& config, std::uint32_t mtu);

/// Families whose default route is to lead into the tunnel for the whole host: a default route that names a table
/// concerns that table only.
std::vector<Family> default_families(const config::Config& config);
/// The mark of our own datagrams: local.fwmark, else one of the link's own where default routes need it.
std::optional<std::uint32_t> datagram_mark(const config::Config& config);
/// The number that stands for a link, as a mark and as a routing table: always the same for the same name, so that
/// leftovers of a killed daemon are known again.
std::uint32_t link_number(std::string_view name);

bool carries_v6(const config::Config& config);
/// `local.listen` as it turned out.
std::string listen_text(const config::Listen& listen, std::uint16_t port);

}  // namespace adit::host
