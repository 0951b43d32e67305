// SPDX-License-Identifier: MIT
#include "crypto/keys.h"

#include <sodium.h>

#include "base/assert.h"

namespace adit::crypto {
namespace {

constexpr int kVariant = sodium_base64_VARIANT_ORIGINAL;

std::string encode(std::span<const std::uint8_t, kKeySize> bytes) {
  std::array<char, kKeyTextSize + 1> text;
  sodium_bin2base64(text.data(), text.size(), bytes.data(), bytes.size(), kVariant);
  std::string result(text.data());
  sodium_memzero(text.data(), text.size());
  return result;
}

/// Constant time in the characters of the key, as libsodium's decoder is. Unused low bits of the last character must
/// be zero: a key has one spelling.
Result<> decode(std::string_view text, std::span<std::uint8_t, kKeySize> out) {
  if (text.size() != kKeyTextSize) {
    return fail("is {} characters long; a key is {} characters of base64, as `adit genkey` prints", text.size(),
                kKeyTextSize);
  }
  // Libsodium's decoder takes some bytes beyond ASCII for digits. A comparison that is the same for all of them keeps
  // the time constant.
  unsigned beyond = 0;
  for (const char c : text) beyond |= static_cast<unsigned char>(c) & 0x80U;
  std::size_t size = 0;
  const char* end = nullptr;
  if (beyond != 0 ||
      sodium_base642bin(out.data(), out.size(), text.data(), text.size(), nullptr, &size, &end, kVariant) != 0 ||
      size != kKeySize || end != text.data() + text.size()) {
    return fail("is not valid base64; a key is {} characters of base64, as `adit genkey` prints", kKeyTextSize);
  }
  return {};
}

template <class Key>
Result<Key> parse_secret(std::string_view base64) {
  Key key;
  if (auto done = decode(base64, key.writable()); !done) return std::unexpected(done.error());
  return key;
}

}  // namespace

PrivateKey generate_private_key(RandomSource& random) {
  PrivateKey key;
  auto bytes = key.writable();
  random.fill(bytes);
  bytes[0] &= 248;
  bytes[31] = static_cast<std::uint8_t>((bytes[31] & 127) | 64);
  return key;
}

PresharedKey generate_preshared_key(RandomSource& random) {
  PresharedKey key;
  random.fill(key.writable());
  return key;
}

PublicKey public_key_of(const PrivateKey& key) {
  PublicKey result;
  ADIT_ASSERT(crypto_scalarmult_base(result.bytes.data(), key.bytes().data()) == 0);
  return result;
}

std::string to_base64(const PublicKey& key) {
  return encode(key.bytes);
}
std::string reveal_base64(const PrivateKey& key) {
  return encode(key.bytes());
}
std::string reveal_base64(const PresharedKey& key) {
  return encode(key.bytes());
}

Result<PublicKey> parse_public_key(std::string_view base64) {
  PublicKey key;
  if (auto done = decode(base64, key.bytes); !done) return std::unexpected(done.error());
  return key;
}

Result<PrivateKey> parse_private_key(std::string_view base64) {
  return parse_secret<PrivateKey>(base64);
}
Result<PresharedKey> parse_preshared_key(std::string_view base64) {
  return parse_secret<PresharedKey>(base64);
}

}  // namespace adit::crypto
