// SPDX-License-Identifier: MIT
// What the steps of a super-packet's way cost that are ours and need no system call, in ns of the calling thread.
#pragma once

#include "crypto/aead.h"

namespace adit::bench {

/// What any thread may do to one on its way out: cut it, checksums and all, and seal the pieces.
double measure_seal(const crypto::Aead& aead, int rounds);
/// And on its way in, once it is opened: checksums, and putting it together.
double measure_merge(int rounds);
/// Of the cipher alone; opening is as expensive as sealing.
double measure_cipher(const crypto::Aead& aead, int rounds);

}  // namespace adit::bench
