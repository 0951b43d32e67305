// SPDX-License-Identifier: MIT
#include "crypto/blake2s.h"

#include <blake2.h>
#include <sodium.h>

#include <algorithm>

#include "base/assert.h"

namespace adit::crypto {
namespace {

constexpr std::size_t kBlockSize = BLAKE2S_BLOCKBYTES;

}  // namespace

Hash blake2s(std::initializer_list<Bytes> parts) {
  Hash out;
  blake2s_state state;
  ADIT_ASSERT(blake2s_init(&state, out.size()) == 0);
  for (const auto part : parts) blake2s_update(&state, part.data(), part.size());
  blake2s_final(&state, out.data(), out.size());
  sodium_memzero(&state, sizeof state);  // what was hashed may be an HMAC's pad, which is a key
  return out;
}

Mac blake2s_mac(Bytes key, Bytes data) {
  Mac out;
  ADIT_ASSERT(::blake2s(out.data(), data.data(), key.data(), out.size(), data.size(), key.size()) == 0);
  return out;
}

Hash hmac_blake2s(Bytes key, std::initializer_list<Bytes> parts) {
  std::array<std::uint8_t, kBlockSize> pad{};
  if (key.size() > kBlockSize) {
    std::ranges::copy(blake2s({key}), pad.begin());
  } else {
    std::ranges::copy(key, pad.begin());
  }
  for (auto& byte : pad) byte ^= 0x36;
  blake2s_state state;
  ADIT_ASSERT(blake2s_init(&state, kHashSize) == 0);
  blake2s_update(&state, pad.data(), pad.size());
  for (const auto part : parts) blake2s_update(&state, part.data(), part.size());
  Hash inner;
  blake2s_final(&state, inner.data(), inner.size());

  for (auto& byte : pad) byte ^= 0x36 ^ 0x5c;
  const Hash out = blake2s({pad, inner});
  sodium_memzero(&state, sizeof state);
  sodium_memzero(pad.data(), pad.size());
  sodium_memzero(inner.data(), inner.size());
  return out;
}

void kdf_into(Bytes key, Bytes input, std::span<DerivedKey> out) {
  Hash secret = hmac_blake2s(key, {input});       // extract
  for (std::size_t i = 0; i < out.size(); ++i) {  // expand: T(i) = HMAC(secret, T(i-1) || i)
    const auto number = static_cast<std::uint8_t>(i + 1);
    const Bytes previous = i == 0 ? Bytes{} : Bytes{out[i - 1].bytes()};
    Hash block = hmac_blake2s(secret, {previous, Bytes{&number, 1}});
    out[i] = DerivedKey(block);
    sodium_memzero(block.data(), block.size());
  }
  sodium_memzero(secret.data(), secret.size());
}

bool equal_in_constant_time(Bytes a, Bytes b) {
  return a.size() == b.size() && sodium_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace adit::crypto
