// SPDX-License-Identifier: MIT
// BLAKE2s (RFC 7693) in the three uses the paper has for it (§5.4): Hash(), the keyed Mac() of 16 bytes, and Kdf_n(),
// which is HKDF (RFC 5869) over HMAC-BLAKE2s.
#pragma once

#include <array>
#include <initializer_list>

#include "base/bytes.h"
#include "base/secret.h"

namespace adit::crypto {

inline constexpr std::size_t kHashSize = 32;
inline constexpr std::size_t kMacSize = 16;

using Hash = std::array<std::uint8_t, kHashSize>;
using Mac = std::array<std::uint8_t, kMacSize>;
/// Whatever a KDF yields: a chaining key, a message key, a transport key.
using DerivedKey = Secret<32, struct DerivedKeyTag>;

/// Hash of the parts one after the other.
Hash blake2s(std::initializer_list<Bytes> parts);
/// Keyed BLAKE2s with 16 bytes of output; `key` at most 32 bytes. Not HMAC, and not a truncated longer hash.
Mac blake2s_mac(Bytes key, Bytes data);
/// HMAC-BLAKE2s (RFC 2104 with the block size of 64), any key size.
Hash hmac_blake2s(Bytes key, std::initializer_list<Bytes> parts);

void kdf_into(Bytes key, Bytes input, std::span<DerivedKey> out);

/// Kdf_n(key, input): the first n outputs of HKDF with an empty info string, 1 <= n <= 3.
template <std::size_t n>
std::array<DerivedKey, n> kdf(Bytes key, Bytes input) {
  static_assert(n >= 1 && n <= 3);
  std::array<DerivedKey, n> out;
  kdf_into(key, input, out);
  return out;
}

/// Constant time in the contents; false at once when the sizes differ.
bool equal_in_constant_time(Bytes a, Bytes b);

}  // namespace adit::crypto
