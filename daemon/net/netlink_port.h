// SPDX-License-Identifier: MIT
// Whose a change is, the kernel tells by the port of the socket on which it was asked for. A port has a process's
// number in it, which says little: in another process namespace somebody else has the same.
#pragma once

#include <cstdint>

namespace adit::net {

/// Whether a Netlink of this process has it.
bool is_port_of_ours(std::uint32_t port);

}  // namespace adit::net
