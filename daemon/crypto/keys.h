// SPDX-License-Identifier: MIT
// The keys people handle: Curve25519 key pairs and preshared keys, written as the 44 characters of base64 that `wg`
// prints (RFC 4648 with padding, canonical form only). Private and preshared keys are Secrets: wiped, unprintable.
#pragma once

#include <array>
#include <compare>
#include <optional>
#include <string>
#include <string_view>

#include "base/random.h"
#include "base/result.h"
#include "base/secret.h"

namespace adit::crypto {

inline constexpr std::size_t kKeySize = 32;
inline constexpr std::size_t kKeyTextSize = 44;

using PrivateKey = Secret<kKeySize, struct PrivateKeyTag>;
/// All zero stands for "no preshared key", as in the protocol itself (paper §5.4.2).
using PresharedKey = Secret<kKeySize, struct PresharedKeyTag>;

struct PublicKey {
  std::array<std::uint8_t, kKeySize> bytes{};
  friend auto operator<=>(const PublicKey&, const PublicKey&) = default;
};

/// A fresh private key, clamped (RFC 7748 §5).
PrivateKey generate_private_key(RandomSource& random);
PresharedKey generate_preshared_key(RandomSource& random);
PublicKey public_key_of(const PrivateKey& key);

std::string to_base64(const PublicKey& key);
/// Writes out a secret: for files only the owner can read, and for `adit genkey`. Never for logs.
std::string reveal_base64(const PrivateKey& key);
std::string reveal_base64(const PresharedKey& key);

/// The error says what is wrong with the text ("is 43 characters long, a key has 44") and never repeats it.
Result<PublicKey> parse_public_key(std::string_view base64);
Result<PrivateKey> parse_private_key(std::string_view base64);
Result<PresharedKey> parse_preshared_key(std::string_view base64);

}  // namespace adit::crypto
