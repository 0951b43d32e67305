// SPDX-License-Identifier: MIT
#include "offload/checksum.h"

#include <bit>

// One source for every CPU: the compiler makes a version for each of these and picks at load time (ifunc).
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__) && \
    !defined(__SANITIZE_THREAD__)
#define ADIT_VECTORISED __attribute__((target_clones("arch=skylake-avx512", "avx2", "default"), optimize("O3")))
#else
#define ADIT_VECTORISED
#endif

namespace adit::offload {
namespace {

/// Words of 32 bits into sums of 64: no carry is lost, and the lanes are independent. The order of bytes does not
/// matter to a ones' complement sum, so words are added as the machine loads them.
ADIT_VECTORISED std::uint64_t add_native(const std::uint8_t* data, std::size_t size) {
  std::uint64_t sum = 0;
  std::size_t at = 0;
  for (; at + 4 <= size; at += 4) {
    std::uint32_t word = 0;
    std::memcpy(&word, data + at, sizeof word);
    sum += word;
  }
  std::uint32_t rest = 0;
  std::memcpy(&rest, data + at, size - at);
  return sum + rest;
}

}  // namespace

std::uint64_t checksum_add(Bytes data, std::uint64_t initial) {
  if (data.empty()) return initial;
  const auto native = checksum_fold(add_native(data.data(), data.size()));
  return initial + (std::endian::native == std::endian::little ? __builtin_bswap16(native) : native);
}

std::uint16_t checksum_fold(std::uint64_t sum) {
  sum = (sum >> 32) + (sum & 0xFFFF'FFFF);
  sum = (sum >> 16) + (sum & 0xFFFF);
  sum = (sum >> 16) + (sum & 0xFFFF);
  sum = (sum >> 16) + (sum & 0xFFFF);
  return static_cast<std::uint16_t>(sum);
}

std::uint64_t pseudo_header_sum(Bytes addresses, std::uint8_t protocol, std::uint32_t size) {
  return checksum_add(addresses) + protocol + (size >> 16) + (size & 0xFFFF);
}

}  // namespace adit::offload
