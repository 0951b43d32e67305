// SPDX-License-Identifier: MIT
// Comparisons of secrets under valgrind's memcheck, with the secrets marked as undefined: a branch on one of them, or a
// look-up at a place that it says, is then an error, so that none means that their time does not depend on what they
// are. What a comparison ends in, yes or no, is no secret and is marked as defined. tests/cli/test_constant_time.py
// runs this; with `leaky` a comparison that is not constant in time, which must be found.
#include <valgrind/memcheck.h>

#include <cstdio>
#include <string_view>
#include <vector>

#include "crypto/aead.h"
#include "crypto/backends.h"
#include "noise/cookie.h"

namespace {

using namespace adit;

void hide(Bytes bytes) {
  VALGRIND_MAKE_MEM_UNDEFINED(bytes.data(), bytes.size());
}

/// The outcome of a comparison, for the comparison's own branches are over.
template <class Value>
Value tell(Value value) {
  VALGRIND_MAKE_MEM_DEFINED(&value, sizeof value);
  return value;
}

int failures = 0;

void expect(bool holds, const char* what) {
  if (holds) return;
  std::printf("does not hold: %s\n", what);
  ++failures;
}

/// Numbers that are all secret.
class HiddenRandom final : public RandomSource {
 public:
  void fill(MutableBytes out) override {
    for (auto& byte : out) byte = next_ += 37;
    hide(out);
  }

 private:
  std::uint8_t next_ = 1;
};

std::vector<std::uint8_t> pattern(std::size_t size) {
  std::vector<std::uint8_t> bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::uint8_t>(i * 7);
  return bytes;
}

/// As preshared keys are compared with those of a file, of `wg`, of a log.
void keys() {
  for (const int differs_at : {-1, 0, 15, 31}) {
    auto one = pattern(32);
    auto other = one;
    if (differs_at >= 0) other[static_cast<std::size_t>(differs_at)] ^= 1;
    hide(one);
    hide(other);
    expect(tell(crypto::equal_in_constant_time(one, other)) == (differs_at < 0), "keys are told apart");
  }
}

crypto::PublicKey some_public_key() {
  crypto::PublicKey key;
  for (std::size_t i = 0; i < key.bytes.size(); ++i) key.bytes[i] = static_cast<std::uint8_t>(i * 5 + 9);
  return key;
}

void macs() {
  HiddenRandom random;
  const auto key = some_public_key();
  noise::MacReader reader(key, random);
  noise::MacWriter writer(key);
  const auto source = *Endpoint::parse("192.0.2.1:51820");
  const Instant now{};
  auto message = pattern(148);
  writer.write(message, now);
  auto forged = message;
  forged[120] ^= 1;  // mac1
  hide(Bytes(message).last(32));
  hide(Bytes(forged).last(32));
  expect(tell(reader.mac1_is_valid(message)), "mac1 is valid");
  expect(!tell(reader.mac1_is_valid(forged)), "a forged mac1 is not");

  // The cookie, and mac2 that is made with it, come of a secret of ours alone.
  VALGRIND_MAKE_MEM_DEFINED(message.data(), message.size());
  auto reply = reader.reply_to(message, source, now);
  VALGRIND_MAKE_MEM_DEFINED(&reply, sizeof reply);
  expect(writer.take_cookie(reply, now), "the cookie is taken");
  writer.write(message, now);
  forged = message;
  forged[140] ^= 1;  // mac2
  hide(Bytes(message).last(16));
  hide(Bytes(forged).last(16));
  expect(tell(reader.mac2_is_valid(message, source, now)), "mac2 is valid");
  expect(!tell(reader.mac2_is_valid(forged, source, now)), "a forged mac2 is not");
}

void tags(const crypto::Aead& aead) {
  for (const std::size_t size : {0, 1, 64, 1420}) {
    crypto::DerivedKey key;
    HiddenRandom random;
    random.fill(key.writable());
    const auto plaintext = pattern(size);
    std::vector<std::uint8_t> sealed(size + crypto::kTagSize);
    const crypto::SealJob seal{&key, 5, plaintext, sealed};
    aead.seal({&seal, 1});
    for (const int differs_at : {-1, 0, 15}) {
      auto received = sealed;  // undefined: it was made with the key
      if (differs_at >= 0) received[size + static_cast<std::size_t>(differs_at)] ^= 1;
      std::vector<std::uint8_t> opened(size);
      crypto::OpenJob open{&key, 5, received, opened};
      aead.open({&open, 1});
      expect(tell(open.authentic) == (differs_at < 0), "tags are told apart");
    }
  }
}

/// For the test of the test.
bool leaky_equal(Bytes a, Bytes b) {
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i] != b[i]) return false;
  }
  return true;
}

void leaky() {
  auto one = pattern(32);
  const auto other = one;
  hide(one);
  expect(tell(leaky_equal(one, other)), "keys are alike");
}

}  // namespace

int main(int argc, char** argv) {
  if (RUNNING_ON_VALGRIND == 0) {
    std::puts("run me under valgrind: tests/cli/test_constant_time.py does");
    return 2;
  }
  if (argc > 1 && std::string_view(argv[1]) == "leaky") {
    leaky();
  } else {
    keys();
    macs();
    tags(*crypto::make_sodium_aead());
    if (const auto fast = crypto::make_ipsec_mb_aead()) tags(*fast);
  }
  return failures == 0 ? 0 : 1;
}
