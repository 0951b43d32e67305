// SPDX-License-Identifier: MIT
// Which implementation of the AEAD runs: the fastest one that this machine has and that proves right at start.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "crypto/aead.h"

namespace adit::crypto {

/// Intel's multi-buffer library (libipsec-mb): 2.5 times libsodium where the CPU has AVX-512. Nothing when the program
/// was built without it or the CPU is too old for it.
std::unique_ptr<Aead> make_ipsec_mb_aead();
/// Of the library as it is loaded; empty when the program was built without it.
std::string ipsec_mb_version();

/// OpenSSL's library (libcrypto): on ARM several times libsodium. Nothing when the program was built without it, or it
/// comes without the cipher.
std::unique_ptr<Aead> make_libcrypto_aead();
/// Of the library as it is loaded; empty when the program was built without it.
std::string libcrypto_version();

/// Names `tuning.crypto` may have beside "auto", whether this machine has them or not.
std::vector<std::string_view> backend_names();

/// "auto": libipsec-mb, or libcrypto where that is not to be had, is checked against libsodium and then both are timed
/// by `clock` for some microseconds on packets of a usual size; the faster one wins. A name: that one, or an error that
/// says why it cannot be had. Never returns a backend that failed its check.
Result<std::unique_ptr<Aead>> choose_aead(std::string_view preference, const std::function<Instant()>& clock);

/// Seals and opens packets of many sizes, in place and not, damaged and sound, and compares with the reference.
bool agrees_with_reference(const Aead& candidate);

}  // namespace adit::crypto
