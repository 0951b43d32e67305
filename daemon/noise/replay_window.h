// SPDX-License-Identifier: MIT
// Which counters of a session were received already (paper §5.4.6, algorithm of RFC 6479): a sliding bitmap that is
// moved by whole words. Asked only about packets that proved authentic, else a forger could close the window.
#pragma once

#include <array>
#include <cstdint>

namespace adit::noise {

class ReplayWindow {
 public:
  /// Counters this far behind the highest one are still told apart; older ones are refused.
  static constexpr std::uint64_t kSize = 16'384 - 64;

  /// True, once, for each counter that is neither known nor too old.
  bool accept(std::uint64_t counter);

 private:
  static constexpr std::uint64_t kWords = 256;
  std::uint64_t highest_ = 0;
  std::array<std::uint64_t, kWords> words_{};
};

}  // namespace adit::noise
