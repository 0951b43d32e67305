// SPDX-License-Identifier: MIT
// What a run can know of the one that follows it (docs/restart.md): whether that goes on with the interface, and what
// would end it at once. Changes nothing.
#pragma once

#include "base/result.h"
#include "config/config.h"
#include "host/host_setup.h"
#include "path/pump.h"

namespace adit::app {

/// A run with the file `next` goes on with the interface as it is (net::TunDevice::adopt). False: it makes another one,
/// and the hooks for `down` belong before.
bool keeps_interface(const config::Config& next, const config::Config& current, const path::Doors& doors,
                     const host::HostSetup& host);

/// Whether a run with the file `next` can have what it needs: sockets, cryptography, a bridge that was edited, and
/// where it makes another interface (`keeps` is false), that. The error is a sentence: what it would end for, or wait
/// for in vain.
Result<> check_successor(const config::Config& next, const config::Config& current, const path::Doors& doors,
                         bool keeps);

}  // namespace adit::app
