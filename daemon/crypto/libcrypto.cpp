// SPDX-License-Identifier: MIT
// The AEAD of OpenSSL's libcrypto: by NEON on ARM, by AVX2 and AVX-512 on x86-64. A context holds the key of the packet
// under way, so each thread has its own, and it holds a key of zeros when a batch is done.
#include "crypto/backends.h"

#ifdef ADIT_HAS_LIBCRYPTO

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace adit::crypto {
namespace {

constexpr std::array<std::uint8_t, 32> kNoKey{};
constexpr std::array<std::uint8_t, 12> kNoNonce{};

struct FreeCipher {
  void operator()(EVP_CIPHER* cipher) const { EVP_CIPHER_free(cipher); }
};
struct FreeContext {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_CIPHER_CTX, FreeContext>;

/// Null where the library has been built or set up without it.
const EVP_CIPHER* cipher() {
  // Neither its configuration file, which may load anything into us, nor a cleanup behind our threads' backs.
  static const std::unique_ptr<EVP_CIPHER, FreeCipher> kCipher(
      OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT, nullptr) == 1
          ? EVP_CIPHER_fetch(nullptr, "ChaCha20-Poly1305", nullptr)
          : nullptr);
  return kCipher.get();
}

Context make_context() {
  if (cipher() == nullptr) return nullptr;
  Context context(EVP_CIPHER_CTX_new());
  const bool ready =
      context && EVP_CipherInit_ex2(context.get(), cipher(), kNoKey.data(), kNoNonce.data(), 1, nullptr) == 1;
  return ready ? std::move(context) : nullptr;
}

EVP_CIPHER_CTX* context_of_this_thread() {
  thread_local const Context kContext = make_context();
  return kContext.get();
}

/// The context of this thread for a batch, in which no key is left behind.
class Batch {
 public:
  Batch() = default;
  Batch(const Batch&) = delete;
  Batch& operator=(const Batch&) = delete;
  ~Batch() { EVP_CipherInit_ex2(context_, nullptr, kNoKey.data(), kNoNonce.data(), 1, nullptr); }

  void begin(const DerivedKey& key, std::uint64_t counter, bool seals) {
    std::array<std::uint8_t, 12> nonce{};
    store_le64(nonce.data() + 4, counter);
    const int begun = EVP_CipherInit_ex2(context_, nullptr, key.bytes().data(), nonce.data(), seals ? 1 : 0, nullptr);
    ADIT_ASSERT(begun == 1);
  }

  void pass(Bytes in, std::uint8_t* out) {
    int size = 0;
    if (in.empty()) return;
    const int passed = EVP_CipherUpdate(context_, out, &size, in.data(), static_cast<int>(in.size()));
    ADIT_ASSERT(passed == 1 && size == static_cast<int>(in.size()));
  }

  /// Opening, false: the tag is another one.
  bool finish() {
    std::array<std::uint8_t, kTagSize> nothing;
    int size = 0;
    return EVP_CipherFinal_ex(context_, nothing.data(), &size) == 1;
  }

  EVP_CIPHER_CTX* context() { return context_; }

 private:
  EVP_CIPHER_CTX* context_ = context_of_this_thread();
};

class LibcryptoAead final : public Aead {
 public:
  std::string_view name() const override { return "libcrypto"; }

  void seal(std::span<const SealJob> jobs) const override {
    Batch batch;
    for (const auto& job : jobs) {
      ADIT_ASSERT(job.out.size() == job.plaintext.size() + kTagSize);
      const auto size = job.plaintext.size();
      batch.begin(*job.key, job.counter, true);
      batch.pass(job.plaintext, job.out.data());
      const bool sealed = batch.finish() && EVP_CIPHER_CTX_ctrl(batch.context(), EVP_CTRL_AEAD_GET_TAG, kTagSize,
                                                                job.out.data() + size) == 1;
      ADIT_ASSERT(sealed);
    }
  }

  void open(std::span<OpenJob> jobs) const override {
    Batch batch;
    for (auto& job : jobs) {
      ADIT_ASSERT(job.sealed.size() >= kTagSize && job.out.size() == job.sealed.size() - kTagSize);
      std::array<std::uint8_t, kTagSize> tag;  // in place, `out` may lie over it
      std::ranges::copy(job.sealed.last(kTagSize), tag.begin());
      batch.begin(*job.key, job.counter, false);
      const bool set = EVP_CIPHER_CTX_ctrl(batch.context(), EVP_CTRL_AEAD_SET_TAG, kTagSize, tag.data()) == 1;
      ADIT_ASSERT(set);
      batch.pass(job.sealed.first(job.out.size()), job.out.data());
      job.authentic = batch.finish();
    }
  }
};

}  // namespace

std::unique_ptr<Aead> make_libcrypto_aead() {
  if (context_of_this_thread() == nullptr) return nullptr;
  return std::make_unique<LibcryptoAead>();
}

std::string libcrypto_version() {
  return OpenSSL_version(OPENSSL_VERSION_STRING);
}

}  // namespace adit::crypto

#else

namespace adit::crypto {
std::unique_ptr<Aead> make_libcrypto_aead() {
  return nullptr;
}

std::string libcrypto_version() {
  return {};
}
}  // namespace adit::crypto

#endif
