// SPDX-License-Identifier: MIT
// A link for Ethernet frames, as other implementations of WireGuard have it: their interface carries IP packets, and on
// top of it is one of the kernel's `gretap`, which makes frames of them (ip-link(8)). Hooks make that one.
#pragma once

#include <string>

#include "config/config.h"

namespace adit::cli {

/// Makes `config`, of a link for frames, one for the GRE packets, with hooks. The name of the interface that the frames
/// come out of.
std::string put_on_gretap(config::Config& config);

}  // namespace adit::cli
