// SPDX-License-Identifier: MIT
#include "noise/replay_window.h"

#include <algorithm>

namespace adit::noise {

bool ReplayWindow::accept(std::uint64_t counter) {
  if (counter > highest_) {
    // One word of the ring is always the one being filled, hence kSize is a word less than the bitmap.
    const auto steps = std::min(counter / 64 - highest_ / 64, kWords);
    for (std::uint64_t i = 1; i <= steps; ++i) words_[(highest_ / 64 + i) % kWords] = 0;
    highest_ = counter;
  } else if (highest_ - counter >= kSize) {
    return false;
  }
  auto& word = words_[counter / 64 % kWords];
  const auto bit = std::uint64_t{1} << (counter % 64);
  if ((word & bit) != 0) return false;
  word |= bit;
  return true;
}

}  // namespace adit::noise
