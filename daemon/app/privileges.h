// SPDX-License-Identifier: MIT
// What a link needs of the rights that its daemon was started with; all others are given up (rights/).
#pragma once

#include <string>

#include "app/options.h"
#include "base/log.h"
#include "config/config.h"
#include "rights/user.h"

namespace adit::app {

/// Whom root becomes, and that was seen to. The error is a sentence.
Result<rights::Outcome> become_user(const Options& options, const config::Config& config);

/// Where the file has no hooks, which are anybody's programs and write where they have to. A hook that an edit adds
/// later is confined: tell_of_hooks says so. Before there are threads, but when the interface is there: whoever is
/// confined cannot see any more who else has it open.
void confine_writing(const config::Config& config, Log& log);
void tell_of_hooks(const config::Hooks& hooks, Log& log);

}  // namespace adit::app
