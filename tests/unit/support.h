// SPDX-License-Identifier: MIT
// What many tests need: keys from hexadecimal, and worlds without chance.
#pragma once

#include <random>
#include <string_view>

#include "base/random.h"
#include "base/time.h"
#include "test_bytes.h"

namespace adit::test {

template <class Key>
Key unhex_key(std::string_view text) {
  return fixed<Key>(unhex(text));
}

/// The same bytes for the same seed, for ever.
class SeededRandom final : public RandomSource {
 public:
  explicit SeededRandom(std::uint64_t seed) : engine_(seed) {}
  void fill(MutableBytes out) override {
    for (auto& byte : out) byte = static_cast<std::uint8_t>(engine_());
  }
  /// 0 <= result < bound
  std::uint64_t below(std::uint64_t bound) { return engine_() % bound; }
  bool chance(double probability) {
    return static_cast<double>(engine_() >> 11) / static_cast<double>(1ull << 53) < probability;
  }

 private:
  std::mt19937_64 engine_;
};

class SettableWallClock final : public WallClock {
 public:
  WallTime now() override { return {time}; }
  Duration time = std::chrono::hours(24 * 365 * 50);
};

}  // namespace adit::test
