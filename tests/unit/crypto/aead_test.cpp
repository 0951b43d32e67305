// SPDX-License-Identifier: MIT
// Every backend of the batch interface goes through the same tests: known answers of other people's implementations,
// every size a packet can have, and forgeries.
#include "crypto/aead.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "crypto/backends.h"
#include "crypto/vectors.h"
#include "test_bytes.h"

namespace adit::crypto {
namespace {

using test::hex;
using test::pattern;
using test::unhex;
using Buffer = std::vector<std::uint8_t>;

DerivedKey key_of(std::size_t start) {
  return test::fixed<DerivedKey>(pattern(32, start));
}

struct Backend {
  std::string name;
  std::unique_ptr<Aead> (*make)();
  friend void PrintTo(const Backend& backend, std::ostream* out) { *out << backend.name; }
};

class AeadBackend : public testing::TestWithParam<Backend> {
 protected:
  Buffer seal_one(std::uint64_t counter, Bytes plaintext) const {
    Buffer out(plaintext.size() + kTagSize);
    const SealJob job{.key = &key_, .counter = counter, .plaintext = plaintext, .out = out};
    aead_->seal({&job, 1});
    return out;
  }

  /// std::nullopt: refused.
  std::optional<Buffer> open_one(std::uint64_t counter, Bytes sealed, const DerivedKey* key = nullptr) const {
    Buffer out(sealed.size() - kTagSize);
    OpenJob job{.key = key != nullptr ? key : &key_, .counter = counter, .sealed = sealed, .out = out};
    aead_->open({&job, 1});
    if (!job.authentic) return std::nullopt;
    return out;
  }

  const std::unique_ptr<Aead> aead_ = GetParam().make();
  const DerivedKey key_ = key_of(100);
};

TEST_P(AeadBackend, SealsAndOpensTheKnownAnswers) {
  int known = 0;
  for (const auto& [counter, additional_size, size, expected] : vectors::kAead) {
    if (additional_size != 0) continue;
    const auto plaintext = pattern(size);
    const auto sealed = seal_one(counter, plaintext);
    EXPECT_EQ(hex(blake2s({sealed})), expected) << "counter " << counter << ", " << size << " bytes";
    EXPECT_EQ(open_one(counter, sealed), plaintext) << "counter " << counter << ", " << size << " bytes";
    ++known;
  }
  EXPECT_GE(known, 8);
}

TEST_P(AeadBackend, SealsAndOpensEverySizeInOneBatchAsItDoesOneByOne) {
  constexpr std::size_t kSizes = 2101;
  const auto other = key_of(7);
  std::vector<Buffer> plaintexts(kSizes);
  std::vector<Buffer> sealed(kSizes);
  std::vector<Buffer> opened(kSizes);
  std::vector<SealJob> seal_jobs(kSizes);
  std::vector<OpenJob> open_jobs(kSizes);
  for (std::size_t size = 0; size < kSizes; ++size) {
    const auto* key = size % 3 == 0 ? &other : &key_;
    plaintexts[size] = pattern(size, size);
    sealed[size].resize(size + kTagSize);
    opened[size].resize(size);
    seal_jobs[size] = {.key = key, .counter = size, .plaintext = plaintexts[size], .out = sealed[size]};
    open_jobs[size] = {.key = key, .counter = size, .sealed = sealed[size], .out = opened[size]};
  }
  aead_->seal(seal_jobs);
  aead_->open(open_jobs);
  for (std::size_t size = 0; size < kSizes; ++size) {
    Buffer alone(size + kTagSize);
    aead_seal(*seal_jobs[size].key, size, {}, plaintexts[size], alone);
    ASSERT_EQ(sealed[size], alone) << size;
    ASSERT_TRUE(open_jobs[size].authentic) << size;
    ASSERT_EQ(opened[size], plaintexts[size]) << size;
  }
}

TEST_P(AeadBackend, WorksInPlace) {
  for (const std::size_t size : {0u, 1u, 15u, 16u, 63u, 64u, 65u, 511u, 1420u, 2100u}) {
    const auto plaintext = pattern(size, 3);
    auto buffer = plaintext;
    buffer.resize(size + kTagSize);
    const SealJob seal{.key = &key_, .counter = 9, .plaintext = Bytes(buffer).first(size), .out = buffer};
    aead_->seal({&seal, 1});
    EXPECT_EQ(buffer, seal_one(9, plaintext)) << size;
    OpenJob open{.key = &key_, .counter = 9, .sealed = buffer, .out = MutableBytes(buffer).first(size)};
    aead_->open({&open, 1});
    ASSERT_TRUE(open.authentic) << size;
    EXPECT_EQ(Buffer(open.out.begin(), open.out.end()), plaintext) << size;
  }
}

TEST_P(AeadBackend, RefusesEverySingleFlippedBit) {
  for (const std::size_t size : {0u, 1u, 64u, 300u}) {
    const auto sealed = seal_one(77, pattern(size));
    for (std::size_t bit = 0; bit < sealed.size() * 8; ++bit) {
      auto forged = sealed;
      forged[bit / 8] ^= static_cast<std::uint8_t>(1u << (bit % 8));
      ASSERT_FALSE(open_one(77, forged)) << "bit " << bit << " of a packet of " << size << " bytes";
    }
  }
}

TEST_P(AeadBackend, RefusesAnotherCounterKeyOrLength) {
  const auto sealed = seal_one(5, pattern(100));
  ASSERT_TRUE(open_one(5, sealed));
  for (const std::uint64_t counter : {std::uint64_t{0}, std::uint64_t{4}, std::uint64_t{6}, std::uint64_t{5} << 32,
                                      std::uint64_t{5} | std::uint64_t{1} << 63}) {
    EXPECT_FALSE(open_one(counter, sealed)) << counter;
  }
  const auto other = key_of(101);
  EXPECT_FALSE(open_one(5, sealed, &other));
  EXPECT_FALSE(open_one(5, Bytes(sealed).first(sealed.size() - 1)));
  EXPECT_FALSE(open_one(5, Bytes(sealed).subspan(1)));
  EXPECT_FALSE(open_one(5, Bytes(sealed).first(kTagSize)));
  auto longer = sealed;
  longer.push_back(0);
  EXPECT_FALSE(open_one(5, longer));
}

TEST_P(AeadBackend, OneForgedPacketDoesNotTouchItsNeighbours) {
  constexpr std::size_t kJobs = 19;
  for (std::size_t forged = 0; forged < kJobs; ++forged) {
    std::vector<Buffer> sealed;
    std::vector<Buffer> opened;
    for (std::size_t i = 0; i < kJobs; ++i) {
      sealed.push_back(seal_one(i, pattern(64 + 100 * i, i)));
      opened.emplace_back(64 + 100 * i);
    }
    sealed[forged][forged] ^= 0x10;
    std::vector<OpenJob> jobs(kJobs);
    for (std::size_t i = 0; i < kJobs; ++i) {
      // A flag left over from a batch before must not pass a forgery.
      jobs[i] = {.key = &key_, .counter = i, .sealed = sealed[i], .out = opened[i], .authentic = true};
    }
    aead_->open(jobs);
    for (std::size_t i = 0; i < kJobs; ++i) {
      ASSERT_EQ(jobs[i].authentic, i != forged) << i;
      if (i != forged) {
        ASSERT_EQ(opened[i], pattern(64 + 100 * i, i)) << i;
      }
    }
  }
}

TEST_P(AeadBackend, AnEmptyBatchIsNothingToDo) {
  aead_->seal({});
  aead_->open({});
}

/// The reference, and whatever else this machine has.
std::vector<Backend> backends() {
  std::vector<Backend> all{{"libsodium", &make_sodium_aead}};
  if (make_ipsec_mb_aead()) all.push_back({"libipsec_mb", &make_ipsec_mb_aead});
  if (make_libcrypto_aead()) all.push_back({"libcrypto", &make_libcrypto_aead});
  return all;
}

INSTANTIATE_TEST_SUITE_P(Backends, AeadBackend, testing::ValuesIn(backends()),
                         [](const auto& instance) { return instance.param.name; });

TEST(Aead, GivesTheVectorOfRfc8439AppendixA5) {
  const auto key = test::fixed<DerivedKey>(unhex("1c9240a5eb55d38af333888604f6b5f0473917c1402b80099dca5cbc207075c0"));
  const std::uint64_t counter = 0x0807060504030201;  // the nonce 00000000 0102030405060708
  const auto additional = unhex("f33388860000000000004e91");
  const auto sealed = unhex(
      "64a0861575861af460f062c79be643bd5e805cfd345cf389f108670ac76c8cb24c6cfc18755d43eea09ee94e382d26b0bdb7b73c321b0100"
      "d4f03b7f355894cf332f830e710b97ce98c8a84abd0b948114ad176e008d33bd60f982b1ff37c8559797a06ef4f0ef61c186324e2b350638"
      "3606907b6a7c02b0f9f6157b53c867e4b9166c767b804d46a59b5216cde7a4e99040c5a40433225ee282a1b0a06c523eaf4534d7f83fa115"
      "5b0047718cbc546a0d072b04b3564eea1b422273f548271a0bb2316053fa76991955ebd63159434ecebb4e466dae5a1073a6727627097a10"
      "49e617d91d361094fa68f0ff77987130305beaba2eda04df997b714d6c6f2c29a6ad5cb4022b02709beead9d67890cbb22392336fea1851f"
      "38");
  const auto text = as_bytes(
      "Internet-Drafts are draft documents valid for a maximum of six months and may be updated, replaced, or "
      "obsoleted "
      "by other documents at any time. It is inappropriate to use Internet-Drafts as reference material or to cite "
      "them "
      "other than as /\xe2\x80\x9cwork in progress./\xe2\x80\x9d");
  Buffer out(text.size() + kTagSize);
  aead_seal(key, counter, additional, text, out);
  EXPECT_EQ(hex(out), hex(sealed));
  Buffer opened(text.size());
  ASSERT_TRUE(aead_open(key, counter, additional, sealed, opened));
  EXPECT_EQ(hex(opened), hex(text));
}

TEST(Aead, AgreesWithAnIndependentImplementationOnAdditionalData) {
  const auto key = key_of(100);
  for (const auto& [counter, additional_size, size, expected] : vectors::kAead) {
    const auto additional = pattern(additional_size, 50);
    const auto plaintext = pattern(size);
    Buffer sealed(size + kTagSize);
    aead_seal(key, counter, additional, plaintext, sealed);
    EXPECT_EQ(hex(blake2s({sealed})), expected) << counter;
    Buffer opened(size);
    ASSERT_TRUE(aead_open(key, counter, additional, sealed, opened)) << counter;
    EXPECT_EQ(opened, plaintext);
  }
}

TEST(Aead, BindsTheAdditionalData) {
  const auto key = key_of(100);
  const auto additional = pattern(32, 50);
  Buffer sealed(12 + kTagSize);
  aead_seal(key, 0, additional, pattern(12), sealed);
  Buffer opened(12);
  EXPECT_FALSE(aead_open(key, 0, {}, sealed, opened));
  EXPECT_FALSE(aead_open(key, 0, Bytes(additional).first(31), sealed, opened));
  for (std::size_t bit = 0; bit < additional.size() * 8; ++bit) {
    auto other = additional;
    other[bit / 8] ^= static_cast<std::uint8_t>(1u << (bit % 8));
    ASSERT_FALSE(aead_open(key, 0, other, sealed, opened)) << bit;
  }
}

TEST(Xaead, GivesTheVectorOfTheXchachaDraftA3) {
  const auto key = unhex("808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f");
  const auto nonce = test::fixed<XNonce, kXNonceSize>(unhex("404142434445464748494a4b4c4d4e4f5051525354555657"));
  const auto additional = unhex("50515253c0c1c2c3c4c5c6c7");
  const auto text = as_bytes(
      "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be "
      "it.");
  const auto sealed = unhex(
      "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb731c7f1b0b4aa6440bf3a82f4eda7e39ae64c6708c54c216"
      "cb96b72e1213b4522f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff921f9664c97637da9768812f615c68b13"
      "b52ec0875924c1c7987947deafd8780acf49");
  Buffer out(text.size() + kTagSize);
  xaead_seal(Bytes(key).first<32>(), nonce, additional, text, out);
  EXPECT_EQ(hex(out), hex(sealed));
  Buffer opened(text.size());
  ASSERT_TRUE(xaead_open(Bytes(key).first<32>(), nonce, additional, sealed, opened));
  EXPECT_EQ(hex(opened), hex(text));
}

TEST(Xaead, AgreesWithAnIndependentImplementationAndRefusesEveryFlippedBit) {
  const auto key = key_of(100);
  for (const auto& [counter, additional_size, size, expected] : vectors::kXaead) {
    const auto nonce = test::fixed<XNonce, kXNonceSize>(pattern(kXNonceSize, 7 + counter));
    const auto additional = pattern(additional_size, 50);
    Buffer sealed(size + kTagSize);
    xaead_seal(key.bytes(), nonce, additional, pattern(size), sealed);
    EXPECT_EQ(hex(blake2s({sealed})), expected) << counter;
    Buffer opened(size);
    ASSERT_TRUE(xaead_open(key.bytes(), nonce, additional, sealed, opened)) << counter;
    EXPECT_EQ(opened, pattern(size)) << counter;

    for (std::size_t bit = 0; bit < std::min<std::size_t>(sealed.size(), 64) * 8; ++bit) {
      auto forged = sealed;
      forged[bit / 8] ^= static_cast<std::uint8_t>(1u << (bit % 8));
      ASSERT_FALSE(xaead_open(key.bytes(), nonce, additional, forged, opened)) << counter << " bit " << bit;
    }
    auto other_nonce = nonce;
    other_nonce[kXNonceSize - 1] ^= 1;
    EXPECT_FALSE(xaead_open(key.bytes(), other_nonce, additional, sealed, opened));
    EXPECT_FALSE(xaead_open(key.bytes(), nonce, pattern(5), sealed, opened));
  }
}

}  // namespace
}  // namespace adit::crypto
