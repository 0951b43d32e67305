// SPDX-License-Identifier: MIT
// Views of bytes, and the byte orders of the two worlds we serve: the WireGuard messages (little-endian)
// and the IP headers inside them (big-endian).
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace adit {

using Bytes = std::span<const std::uint8_t>;
using MutableBytes = std::span<std::uint8_t>;

inline Bytes as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

namespace detail {
template <class Int>
Int load(const std::uint8_t* from, std::endian order) {
  Int value;
  std::memcpy(&value, from, sizeof value);
  if (order == std::endian::native) return value;
  if constexpr (sizeof value == 2) return __builtin_bswap16(value);
  if constexpr (sizeof value == 4) return __builtin_bswap32(value);
  if constexpr (sizeof value == 8) return __builtin_bswap64(value);
}
template <class Int>
void store(std::uint8_t* to, Int value, std::endian order) {
  value = load<Int>(reinterpret_cast<const std::uint8_t*>(&value), order);
  std::memcpy(to, &value, sizeof value);
}
}  // namespace detail

inline std::uint32_t load_le32(const std::uint8_t* from) {
  return detail::load<std::uint32_t>(from, std::endian::little);
}
inline std::uint64_t load_le64(const std::uint8_t* from) {
  return detail::load<std::uint64_t>(from, std::endian::little);
}
inline std::uint16_t load_be16(const std::uint8_t* from) {
  return detail::load<std::uint16_t>(from, std::endian::big);
}
inline std::uint32_t load_be32(const std::uint8_t* from) {
  return detail::load<std::uint32_t>(from, std::endian::big);
}
inline std::uint64_t load_be64(const std::uint8_t* from) {
  return detail::load<std::uint64_t>(from, std::endian::big);
}
inline void store_le32(std::uint8_t* to, std::uint32_t value) {
  detail::store(to, value, std::endian::little);
}
inline void store_le64(std::uint8_t* to, std::uint64_t value) {
  detail::store(to, value, std::endian::little);
}
inline void store_be16(std::uint8_t* to, std::uint16_t value) {
  detail::store(to, value, std::endian::big);
}
inline void store_be32(std::uint8_t* to, std::uint32_t value) {
  detail::store(to, value, std::endian::big);
}
inline void store_be64(std::uint8_t* to, std::uint64_t value) {
  detail::store(to, value, std::endian::big);
}

}  // namespace adit
