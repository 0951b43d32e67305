// SPDX-License-Identifier: MIT
// A link as a device of the WireGuard configuration protocol, and back: what `wg show` sees, and the Config that comes
// of what `wg set` asks for. Pure translation; carrying it out is the Daemon's, in the way of a reload.
#pragma once

#include "base/random.h"
#include "config/config.h"
#include "control/wg_protocol.h"
#include "tunnel/tunnel.h"

namespace adit::control {

/// The configuration `aditd --interface NAME` begins with: no addresses, no routes, nobody to talk to.
config::Config unconfigured(const std::string& interface, RandomSource& random);

/// `config` with keys of its own, as they are in use in `tunnel`.
config::Config copy_of(const config::Config& config, const tunnel::Tunnel& tunnel);

/// `port`: the one that is really used.
WgDevice to_device(const config::Config& config, const tunnel::Tunnel& tunnel, std::uint16_t port);
/// Puts into `config`, a copy_of() the running one, what `device` asks for, `before` having been to_device() of the
/// same. What a request does not mention stays as the file has it.
std::expected<void, WgRefusal> adopt(WgDevice device, const WgDevice& before, config::Config& config,
                                     RandomSource& random);

}  // namespace adit::control
