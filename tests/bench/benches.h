// SPDX-License-Identifier: MIT
// Benchmarks that are known only at run time; all others register themselves where they stand.
#pragma once

namespace adit::bench {

/// Seal and open, for every backend this machine has; says which ones it has not, and why.
void register_aead();

}  // namespace adit::bench
