// SPDX-License-Identifier: MIT
// Diffie-Hellman on Curve25519 (RFC 7748), DH() of the paper's §5.4.
#pragma once

#include <optional>

#include "crypto/keys.h"

namespace adit::crypto {

using SharedSecret = Secret<32, struct SharedSecretTag>;

/// std::nullopt when `theirs` is a point of low order, whose secret would be all zero: such a message is dropped.
std::optional<SharedSecret> x25519(const PrivateKey& ours, const PublicKey& theirs);

}  // namespace adit::crypto
