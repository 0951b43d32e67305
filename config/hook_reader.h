// SPDX-License-Identifier: MIT
// The section `hooks`: commands to run when the link comes and goes. What runs them is the daemon's affair.
#pragma once

#include "config/config.h"
#include "config/cursor.h"
#include "config/key_source.h"

namespace adit::config {

/// `up` and `down`, each one hook or a list of them. A hook is a command for the shell, or a mapping with more to say.
void read_hooks(const Section& section, const KeyContext& context, Hooks& hooks);

}  // namespace adit::config
