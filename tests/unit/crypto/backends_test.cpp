// SPDX-License-Identifier: MIT
#include "crypto/backends.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "support.h"

namespace adit::crypto {
namespace {

using test::SeededRandom;

std::vector<std::unique_ptr<Aead>> backends() {
  std::vector<std::unique_ptr<Aead>> all;
  all.push_back(make_sodium_aead());
  if (auto mb = make_ipsec_mb_aead()) all.push_back(std::move(mb));
  if (auto libcrypto = make_libcrypto_aead()) all.push_back(std::move(libcrypto));
  return all;
}

DerivedKey random_key(SeededRandom& random) {
  DerivedKey key;
  random.fill(key.writable());
  return key;
}

TEST(Backends, AreBitIdenticalOverRandomSizes) {
  SeededRandom random(1);
  const auto all = backends();
  for (int round = 0; round < 600; ++round) {
    const auto size = round < 300 ? static_cast<std::size_t>(round) : random.below(65'536);
    const auto key = random_key(random);
    const auto counter = std::uint64_t{random.u32()} << 32 | random.u32();
    std::vector<std::uint8_t> plaintext(size);
    random.fill(plaintext);
    std::vector<std::uint8_t> expected(size + kTagSize);
    aead_seal(key, counter, {}, plaintext, expected);
    for (const auto& backend : all) {
      std::vector<std::uint8_t> sealed(size + kTagSize);
      const SealJob job{&key, counter, plaintext, sealed};
      backend->seal({&job, 1});
      ASSERT_EQ(sealed, expected) << backend->name() << " at " << size;
      OpenJob open{&key, counter, sealed, MutableBytes(sealed).first(size)};
      backend->open({&open, 1});
      ASSERT_TRUE(open.authentic);
      ASSERT_TRUE(std::ranges::equal(open.out, plaintext));
    }
  }
}

/// Right but for one thing, as a faulty CPU or library might be.
class Faulty final : public Aead {
 public:
  enum class Fault { seal, accept_all, refuse_all };
  explicit Faulty(Fault fault) : fault_(fault) {}
  std::string_view name() const override { return "faulty"; }
  void seal(std::span<const SealJob> jobs) const override {
    reference_->seal(jobs);
    for (const auto& job : jobs) {
      if (fault_ == Fault::seal && job.plaintext.size() == 4097) job.out[4000] ^= 1;
    }
  }
  void open(std::span<OpenJob> jobs) const override {
    reference_->open(jobs);
    for (auto& job : jobs) {
      if (fault_ != Fault::seal) job.authentic = fault_ == Fault::accept_all;
    }
  }

 private:
  Fault fault_;
  std::unique_ptr<Aead> reference_ = make_sodium_aead();
};

TEST(Backends, TheStartUpCheckFindsAFaultyOne) {
  for (const auto fault : {Faulty::Fault::seal, Faulty::Fault::accept_all, Faulty::Fault::refuse_all}) {
    EXPECT_FALSE(agrees_with_reference(Faulty(fault)));
  }
  for (const auto& backend : backends()) EXPECT_TRUE(agrees_with_reference(*backend)) << backend->name();
}

TEST(Backends, AreChosenByNameOrBySpeed) {
  Instant time{};
  const auto clock = [&time] { return time += Duration(1); };
  EXPECT_EQ((*choose_aead("libsodium", clock))->name(), "libsodium");
  const auto names = backend_names();
  EXPECT_TRUE(std::ranges::count(names, (*choose_aead("auto", clock))->name()));
  EXPECT_FALSE(choose_aead("rot13", clock));
  const auto expect = [&](const char* name, bool is_there) {
    const auto named = choose_aead(name, clock);
    ASSERT_EQ(named.has_value(), is_there) << name;
    if (named) {
      EXPECT_EQ((*named)->name(), name);
    }
  };
  expect("libipsec-mb", make_ipsec_mb_aead() != nullptr);
  expect("libcrypto", make_libcrypto_aead() != nullptr);
}

}  // namespace
}  // namespace adit::crypto
