// SPDX-License-Identifier: MIT
// Where randomness comes from: the kernel in the daemon, a seeded generator in tests. Never fails, never blocks.
#pragma once

#include "base/bytes.h"

namespace adit {

class RandomSource {
 public:
  virtual ~RandomSource() = default;
  virtual void fill(MutableBytes out) = 0;

  std::uint32_t u32() {
    std::array<std::uint8_t, 4> bytes;
    fill(bytes);
    return load_le32(bytes.data());
  }
};

}  // namespace adit
