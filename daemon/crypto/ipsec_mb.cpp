// SPDX-License-Identifier: MIT
// libipsec-mb's AEAD, a whole packet in one job. The library's checks of each job's arguments are skipped (NOCHECK):
// what they check is asserted here.
#include "crypto/backends.h"

#ifdef ADIT_HAS_IPSEC_MB

#include <intel-ipsec-mb.h>
#include <sodium.h>

#include "base/assert.h"

namespace adit::crypto {
namespace {

struct FreeManager {
  void operator()(IMB_MGR* manager) const { free_mb_mgr(manager); }
};
using Manager = std::unique_ptr<IMB_MGR, FreeManager>;

Manager make_manager() {
  Manager manager(alloc_mb_mgr(0));
  if (!manager) return nullptr;
  IMB_ARCH arch = IMB_ARCH_NONE;
  init_mb_mgr_auto(manager.get(), &arch);
  // Below AVX2 it is slower than what it would replace.
  if (imb_get_errno(manager.get()) != 0 || arch < IMB_ARCH_AVX2) return nullptr;
  return manager;
}

/// A manager holds the job under way, so each thread needs its own.
IMB_MGR* manager_of_this_thread() {
  thread_local const Manager kManager = make_manager();
  return kManager.get();
}

void run(IMB_CIPHER_DIRECTION direction, const DerivedKey& key, std::uint64_t counter, Bytes in, std::uint8_t* out,
         std::uint8_t* tag) {
  IMB_MGR* const manager = manager_of_this_thread();
  std::array<std::uint8_t, 12> nonce{};
  store_le64(nonce.data() + 4, counter);

  IMB_JOB* const job = IMB_GET_NEXT_JOB(manager);
  job->cipher_mode = IMB_CIPHER_CHACHA20_POLY1305;
  job->hash_alg = IMB_AUTH_CHACHA20_POLY1305;
  job->cipher_direction = direction;
  job->chain_order = direction == IMB_DIR_ENCRYPT ? IMB_ORDER_CIPHER_HASH : IMB_ORDER_HASH_CIPHER;
  job->enc_keys = key.bytes().data();
  job->dec_keys = key.bytes().data();
  job->key_len_in_bytes = key.bytes().size();
  job->iv = nonce.data();
  job->iv_len_in_bytes = nonce.size();
  job->src = in.data();
  job->dst = out;
  job->cipher_start_src_offset_in_bytes = 0;
  job->hash_start_src_offset_in_bytes = 0;
  job->msg_len_to_cipher_in_bytes = in.size();
  job->msg_len_to_hash_in_bytes = in.size();
  job->u.CHACHA20_POLY1305.aad = nonce.data();  // of length 0, but must point somewhere
  job->u.CHACHA20_POLY1305.aad_len_in_bytes = 0;
  job->auth_tag_output = tag;
  job->auth_tag_output_len_in_bytes = kTagSize;
  const IMB_JOB* const done = IMB_SUBMIT_JOB_NOCHECK(manager);
  ADIT_ASSERT(done == job && done->status == IMB_STATUS_COMPLETED);
}

class IpsecMbAead final : public Aead {
 public:
  std::string_view name() const override { return "libipsec-mb"; }

  void seal(std::span<const SealJob> jobs) const override {
    for (const auto& job : jobs) {
      ADIT_ASSERT(job.out.size() == job.plaintext.size() + kTagSize);
      run(IMB_DIR_ENCRYPT, *job.key, job.counter, job.plaintext, job.out.data(), job.out.data() + job.plaintext.size());
    }
  }

  void open(std::span<OpenJob> jobs) const override {
    for (auto& job : jobs) {
      ADIT_ASSERT(job.sealed.size() >= kTagSize && job.out.size() == job.sealed.size() - kTagSize);
      std::array<std::uint8_t, kTagSize> tag;
      run(IMB_DIR_DECRYPT, *job.key, job.counter, job.sealed.first(job.out.size()), job.out.data(), tag.data());
      job.authentic = sodium_memcmp(tag.data(), job.sealed.data() + job.out.size(), kTagSize) == 0;
    }
  }
};

}  // namespace

std::unique_ptr<Aead> make_ipsec_mb_aead() {
  if (manager_of_this_thread() == nullptr) return nullptr;
  return std::make_unique<IpsecMbAead>();
}

std::string ipsec_mb_version() {
  return imb_get_version_str();
}

}  // namespace adit::crypto

#else

namespace adit::crypto {
std::unique_ptr<Aead> make_ipsec_mb_aead() {
  return nullptr;
}

std::string ipsec_mb_version() {
  return {};
}
}  // namespace adit::crypto

#endif
