// SPDX-License-Identifier: MIT
// What is known to fail in a hook under the unit, and what to do instead. There hooks run as the user adit, with
// CAP_NET_ADMIN and nothing else, in a file system that is read-only but for a few folders (systemd/adit@.service).
// Knows commands by their names; what it does not know it takes for possible.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"

namespace adit::config {

/// What stands before each of `hook_troubles`.
inline constexpr std::string_view kHookTrouble = "under the unit this runs as the user adit in a sandbox: ";

/// A sentence each, in the order of the commands, each thing once: "sudo fails there: …; do this instead".
std::vector<std::string> hook_troubles(const Hook& hook);

/// Whether the hook sets name servers or search domains, as `dns` does.
bool sets_name_servers(const Hook& hook);

/// Whether a simple command does nothing but set forwarding for IPv4 or IPv6 to `value`: sysctl, or echo into
/// /proc/sys.
bool sets_forwarding(std::span<const std::string> words, std::string_view value);

}  // namespace adit::config
