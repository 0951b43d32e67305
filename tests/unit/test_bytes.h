// SPDX-License-Identifier: MIT
// Bytes for tests: from and to hexadecimal, and a pattern that is the same in every test and in make_vectors.py.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace adit::test {

inline std::vector<std::uint8_t> unhex(std::string_view text) {
  if (text.size() % 2 != 0) throw std::invalid_argument("odd number of hexadecimal digits");
  std::vector<std::uint8_t> bytes(text.size() / 2);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    std::size_t used = 0;
    bytes[i] = static_cast<std::uint8_t>(std::stoul(std::string(text.substr(2 * i, 2)), &used, 16));
    if (used != 2) throw std::invalid_argument("not a hexadecimal digit");
  }
  return bytes;
}

inline std::string hex(std::span<const std::uint8_t> bytes) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const auto byte : bytes) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

/// start, start + 1, … modulo 251: a prime, so that no two blocks of a cipher are the same.
inline std::vector<std::uint8_t> pattern(std::size_t size, std::size_t start = 0) {
  std::vector<std::uint8_t> bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::uint8_t>((start + i) % 251);
  return bytes;
}

/// A Secret or an array of exactly N bytes out of `bytes`.
template <class Fixed, std::size_t N = 32>
Fixed fixed(std::span<const std::uint8_t> bytes) {
  if (bytes.size() != N) throw std::invalid_argument("not the expected number of bytes");
  if constexpr (requires { Fixed(bytes.first<N>()); }) {
    return Fixed(bytes.first<N>());
  } else {
    Fixed result;
    std::ranges::copy(bytes, result.begin());
    return result;
  }
}

}  // namespace adit::test
