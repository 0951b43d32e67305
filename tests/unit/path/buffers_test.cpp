// SPDX-License-Identifier: MIT
#include "path/buffers.h"

#include <gtest/gtest.h>

namespace adit::path {
namespace {

TEST(MessageSlots, BeginOnCacheLinesAndDoNotOverlap) {
  MessageSlots slots;
  const std::uint8_t* end = nullptr;
  for (std::size_t i = 0; i < kBatchMessages; ++i) {
    const auto slot = slots[i];
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(slot.data()) % 64, 0U);
    EXPECT_EQ(slot.size(), net::kMaxDatagram);
    EXPECT_TRUE(end == nullptr || slot.data() >= end);
    end = slot.data() + slot.size();
    slot.front() = slot.back() = 1;
  }
}

}  // namespace
}  // namespace adit::path
