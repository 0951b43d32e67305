// SPDX-License-Identifier: MIT
// Who has a TUN interface open. The kernel says so in /proc/PID/fdinfo, of those processes that we may look into.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "net/network_namespace.h"

namespace adit::net {

/// "aditd (process 123)", each process once. Only processes in the network namespace of the interface (`there`; none:
/// our own) or in ours, from where a daemon with interface.netns has it: elsewhere the name is another interface's.
std::vector<std::string> holders_of_tun(const std::string& interface, const std::optional<NetworkNamespace>& there);

}  // namespace adit::net
