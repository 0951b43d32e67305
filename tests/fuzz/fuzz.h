// SPDX-License-Identifier: MIT
// What every target has: `run`, which takes one input and must come back, and a reader that makes choices out of bytes.
// driver.cpp is libFuzzer's side of it, and measures: an input that takes too long is a finding as well.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace adit::fuzz {

/// The target. Defined once in each program.
void run(Bytes input);

/// What must hold whatever the input is; ends the program with `sentence` where it does not.
void require(bool holds, std::string_view sentence);

/// Takes choices off the front of an input; one that is used up gives zeros and nothing.
class Input {
 public:
  explicit Input(Bytes bytes) : rest_(bytes) {}

  bool empty() const { return rest_.empty(); }
  std::uint8_t u8() {
    const auto part = bytes(1);
    return part.empty() ? std::uint8_t{0} : part[0];
  }
  std::uint16_t u16() { return static_cast<std::uint16_t>(u8() << 8 | u8()); }
  std::uint32_t u32() { return static_cast<std::uint32_t>(u16()) << 16 | u16(); }
  std::uint64_t u64() { return static_cast<std::uint64_t>(u32()) << 32 | u32(); }
  /// As many as there are, at most `size`.
  Bytes bytes(std::size_t size) {
    const auto part = rest_.first(std::min(size, rest_.size()));
    rest_ = rest_.subspan(part.size());
    return part;
  }
  Bytes rest() { return bytes(rest_.size()); }

 private:
  Bytes rest_;
};

inline std::string_view as_text(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Whether it could be a key that somebody put in the wrong place: no message may repeat it.
inline bool could_be_key(std::string_view text) {
  return text.size() >= 40 && std::ranges::all_of(text, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' || c == '/' ||
                  c == '=';
         });
}

/// A copy that ends where it ends: one byte too far is found out.
inline std::vector<std::uint8_t> copy_of(Bytes bytes) {
  return {bytes.begin(), bytes.end()};
}

}  // namespace adit::fuzz
