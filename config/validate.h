// SPDX-License-Identifier: MIT
// What the values of a configuration mean to each other: subnets that overlap, routes nothing can take, our own key as
// the peer's. Works on values with places; knows no YAML.
#pragma once

#include <string_view>
#include <vector>

#include "config/draft.h"
#include "config/problem.h"

namespace adit::config {

/// What is said of a peer.public_key that is our own.
inline constexpr std::string_view kOwnKeyReason =
    "is this host's own key; write the public key of the other end, which `adit pubkey` prints there";

void validate(const Draft& draft, Problems& problems);

/// The configuration of a draft without problems: defaults filled in, `default` routes written out.
Config assemble(Draft draft);

/// What `peer.allowed_ips` is when it is left out: the interface's subnets and all routes, each once, and with
/// `interface.multicast` the groups of the families in use.
std::vector<IpNetwork> default_allowed_ips(const Interface& interface, const std::vector<Route>& routes);

}  // namespace adit::config
