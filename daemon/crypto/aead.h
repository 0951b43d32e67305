// SPDX-License-Identifier: MIT
// ChaCha20-Poly1305 (RFC 8439) in batches: the only expensive thing on a packet's way. Pure: bytes in, bytes out, no
// state between calls, so any number of threads may call one backend at the same time. The nonce is the paper's: four
// zero bytes and the 64-bit counter, little-endian (§5.4.6). Transport packets carry no additional data.
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "base/bytes.h"
#include "crypto/blake2s.h"

namespace adit::crypto {

inline constexpr std::size_t kTagSize = 16;

struct SealJob {
  const DerivedKey* key = nullptr;
  std::uint64_t counter = 0;
  Bytes plaintext;
  /// out.size() == plaintext.size() + kTagSize. Either out.data() == plaintext.data() or the two do not overlap.
  MutableBytes out;
};

struct OpenJob {
  const DerivedKey* key = nullptr;
  std::uint64_t counter = 0;
  /// Ciphertext and tag, at least kTagSize bytes.
  Bytes sealed;
  /// out.size() == sealed.size() - kTagSize; overlap as in SealJob. Unspecified unless `authentic`.
  MutableBytes out;
  bool authentic = false;
};

class Aead {
 public:
  virtual ~Aead() = default;
  virtual std::string_view name() const = 0;
  virtual void seal(std::span<const SealJob> jobs) const = 0;
  /// Sets `authentic` of each job; one forged packet does not touch its neighbours.
  virtual void open(std::span<OpenJob> jobs) const = 0;
};

/// The reference every other backend is checked against.
std::unique_ptr<Aead> make_sodium_aead();

/// One message with additional data, for the handshake (§5.4.2). Sizes as above.
void aead_seal(const DerivedKey& key, std::uint64_t counter, Bytes additional, Bytes plaintext, MutableBytes out);
[[nodiscard]] bool aead_open(const DerivedKey& key, std::uint64_t counter, Bytes additional, Bytes sealed,
                             MutableBytes out);

inline constexpr std::size_t kXNonceSize = 24;
using XNonce = std::array<std::uint8_t, kXNonceSize>;

/// XChaCha20-Poly1305 for cookie replies (§5.4.7); `key` is 32 bytes, sizes as above.
void xaead_seal(std::span<const std::uint8_t, 32> key, const XNonce& nonce, Bytes additional, Bytes plaintext,
                MutableBytes out);
[[nodiscard]] bool xaead_open(std::span<const std::uint8_t, 32> key, const XNonce& nonce, Bytes additional,
                              Bytes sealed, MutableBytes out);

}  // namespace adit::crypto
