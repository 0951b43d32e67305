// SPDX-License-Identifier: MIT
#include "crypto/backends.h"

#include <algorithm>
#include <array>

namespace adit::crypto {
namespace {

/// A full packet of a link with the usual MTU.
constexpr std::size_t kUsualSize = 1420;
constexpr int kTimedPackets = 64;

/// No randomness and no clock in the known-answer check: the same bytes on every start.
DerivedKey fixed_key() {
  std::array<std::uint8_t, 32> bytes;
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(i * 7 + 1);
  return DerivedKey(bytes);
}

std::vector<std::uint8_t> pattern(std::size_t size) {
  std::vector<std::uint8_t> bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::uint8_t>(i * 31 + size);
  return bytes;
}

bool agrees_at(const Aead& candidate, const DerivedKey& key, std::size_t size) {
  const auto plaintext = pattern(size);
  const std::uint64_t counter = (std::uint64_t{size} << 33) + 5;
  std::vector<std::uint8_t> expected(size + kTagSize);
  aead_seal(key, counter, {}, plaintext, expected);

  std::vector<std::uint8_t> sealed(size + kTagSize);
  const SealJob apart{&key, counter, plaintext, sealed};
  candidate.seal({&apart, 1});
  if (sealed != expected) return false;

  auto in_place = plaintext;
  in_place.resize(size + kTagSize);
  const SealJob over{&key, counter, Bytes(in_place).first(size), in_place};
  candidate.seal({&over, 1});
  if (in_place != expected) return false;

  auto damaged = expected;
  damaged[size / 2] ^= 1;
  OpenJob refused{&key, counter, damaged, MutableBytes(damaged).first(size)};
  candidate.open({&refused, 1});
  OpenJob opened{&key, counter, in_place, MutableBytes(in_place).first(size)};
  candidate.open({&opened, 1});
  return !refused.authentic && opened.authentic && std::ranges::equal(opened.out, plaintext);
}

Duration time_taken(const Aead& aead, const std::function<Instant()>& clock) {
  const auto key = fixed_key();
  auto buffer = pattern(kUsualSize + kTagSize);
  const SealJob job{&key, 1, Bytes(buffer).first(kUsualSize), buffer};
  auto best = Duration::max();
  for (int i = 0; i < kTimedPackets; ++i) {
    const auto begin = clock();
    aead.seal({&job, 1});
    best = std::min(best, clock() - begin);
  }
  return best;
}

}  // namespace

bool agrees_with_reference(const Aead& candidate) {
  const auto key = fixed_key();
  constexpr auto kSizes =
      std::to_array<std::size_t>({0, 1, 15, 16, 17, 63, 64, 65, 128, 255, 256, 511, 1023, 1420, 4097, 9000});
  return std::ranges::all_of(kSizes, [&](std::size_t size) { return agrees_at(candidate, key, size); });
}

std::vector<std::string_view> backend_names() {
  return {"libsodium", "libipsec-mb", "libcrypto"};
}

Result<std::unique_ptr<Aead>> choose_aead(std::string_view preference, const std::function<Instant()>& clock) {
  auto reference = make_sodium_aead();
  if (preference == reference->name()) return reference;
  const bool is_auto = preference == "auto";
  std::unique_ptr<Aead> candidate;
  if (is_auto || preference == "libipsec-mb") candidate = make_ipsec_mb_aead();
  if ((is_auto && !candidate) || preference == "libcrypto") candidate = make_libcrypto_aead();
  const bool sound = candidate && agrees_with_reference(*candidate);
  if (is_auto) {
    if (sound && time_taken(*candidate, clock) < time_taken(*reference, clock)) return candidate;
    return reference;
  }
  if (std::ranges::count(backend_names(), preference) == 0) {
    return fail("there is no crypto backend called {}", preference);
  }
  if (!candidate) {
    return fail("{} is not to be had on this machine: {}", preference,
                preference == "libcrypto" ? "aditd was built without it, or it comes without ChaCha20-Poly1305"
                                          : "it needs an x86-64 CPU with AVX2");
  }
  if (!sound) return fail("{} computes wrong results on this machine; use libsodium and report it", preference);
  return candidate;
}

}  // namespace adit::crypto
