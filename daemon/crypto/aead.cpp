// SPDX-License-Identifier: MIT
#include "crypto/aead.h"

#include <sodium.h>

#include "base/assert.h"

namespace adit::crypto {
namespace {

using Nonce = std::array<std::uint8_t, crypto_aead_chacha20poly1305_ietf_NPUBBYTES>;

Nonce nonce_of(std::uint64_t counter) {
  Nonce nonce{};
  store_le64(nonce.data() + 4, counter);
  return nonce;
}

class SodiumAead final : public Aead {
 public:
  std::string_view name() const override { return "libsodium"; }

  void seal(std::span<const SealJob> jobs) const override {
    for (const auto& job : jobs) aead_seal(*job.key, job.counter, {}, job.plaintext, job.out);
  }

  void open(std::span<OpenJob> jobs) const override {
    for (auto& job : jobs) job.authentic = aead_open(*job.key, job.counter, {}, job.sealed, job.out);
  }
};

}  // namespace

std::unique_ptr<Aead> make_sodium_aead() {
  return std::make_unique<SodiumAead>();
}

void aead_seal(const DerivedKey& key, std::uint64_t counter, Bytes additional, Bytes plaintext, MutableBytes out) {
  ADIT_ASSERT(out.size() == plaintext.size() + kTagSize);
  crypto_aead_chacha20poly1305_ietf_encrypt(out.data(), nullptr, plaintext.data(), plaintext.size(), additional.data(),
                                            additional.size(), nullptr, nonce_of(counter).data(), key.bytes().data());
}

bool aead_open(const DerivedKey& key, std::uint64_t counter, Bytes additional, Bytes sealed, MutableBytes out) {
  ADIT_ASSERT(sealed.size() >= kTagSize && out.size() == sealed.size() - kTagSize);
  return crypto_aead_chacha20poly1305_ietf_decrypt(out.data(), nullptr, nullptr, sealed.data(), sealed.size(),
                                                   additional.data(), additional.size(), nonce_of(counter).data(),
                                                   key.bytes().data()) == 0;
}

void xaead_seal(std::span<const std::uint8_t, 32> key, const XNonce& nonce, Bytes additional, Bytes plaintext,
                MutableBytes out) {
  ADIT_ASSERT(out.size() == plaintext.size() + kTagSize);
  crypto_aead_xchacha20poly1305_ietf_encrypt(out.data(), nullptr, plaintext.data(), plaintext.size(), additional.data(),
                                             additional.size(), nullptr, nonce.data(), key.data());
}

bool xaead_open(std::span<const std::uint8_t, 32> key, const XNonce& nonce, Bytes additional, Bytes sealed,
                MutableBytes out) {
  ADIT_ASSERT(sealed.size() >= kTagSize && out.size() == sealed.size() - kTagSize);
  return crypto_aead_xchacha20poly1305_ietf_decrypt(out.data(), nullptr, nullptr, sealed.data(), sealed.size(),
                                                    additional.data(), additional.size(), nonce.data(),
                                                    key.data()) == 0;
}

}  // namespace adit::crypto
