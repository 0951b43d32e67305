// SPDX-License-Identifier: MIT
// Bytes that must not outlive their use: move-only, wiped when destroyed or moved from, no way to print them.
// The Tag makes a private key another type than a preshared key or a chaining key.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace adit {

template <std::size_t N, class Tag>
class Secret {
 public:
  static constexpr std::size_t kSize = N;

  Secret() = default;
  explicit Secret(std::span<const std::uint8_t, N> bytes) { std::memcpy(bytes_.data(), bytes.data(), N); }
  Secret(Secret&& other) noexcept : bytes_(other.bytes_) { other.wipe(); }
  Secret& operator=(Secret&& other) noexcept {
    if (this != &other) {
      bytes_ = other.bytes_;
      other.wipe();
    }
    return *this;
  }
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ~Secret() { wipe(); }

  /// A copy has to be asked for by name.
  Secret clone() const { return Secret(bytes()); }

  std::span<const std::uint8_t, N> bytes() const { return bytes_; }
  std::span<std::uint8_t, N> writable() { return bytes_; }
  void wipe() noexcept { explicit_bzero(bytes_.data(), N); }

 private:
  std::array<std::uint8_t, N> bytes_{};
};

}  // namespace adit
