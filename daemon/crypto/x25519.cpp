// SPDX-License-Identifier: MIT
#include "crypto/x25519.h"

#include <sodium.h>

namespace adit::crypto {

std::optional<SharedSecret> x25519(const PrivateKey& ours, const PublicKey& theirs) {
  SharedSecret secret;
  if (crypto_scalarmult(secret.writable().data(), ours.bytes().data(), theirs.bytes.data()) != 0) return std::nullopt;
  return secret;
}

}  // namespace adit::crypto
