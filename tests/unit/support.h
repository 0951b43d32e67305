// SPDX-License-Identifier: MIT
// What many tests need: hex, and worlds without chance.
#pragma once

#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "base/time.h"

namespace adit::test {

inline std::vector<std::uint8_t> unhex(std::string_view text) {
  std::vector<std::uint8_t> bytes;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    bytes.push_back(static_cast<std::uint8_t>(std::stoi(std::string(text.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

template <class Key>
Key unhex_key(std::string_view text) {
  const auto bytes = unhex(text);
  return Key(std::span(bytes).template first<32>());
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
