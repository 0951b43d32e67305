// SPDX-License-Identifier: MIT
// Bytes that must not outlive their use: move-only, in memory that is locked and kept out of core files
// (base/locked_memory.h), wiped when destroyed or moved from, no way to print them. The Tag makes a private key another
// type than a preshared key or a chaining key.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <utility>

#include "base/locked_memory.h"

namespace adit {

template <std::size_t N, class Tag>
class Secret {
 public:
  static constexpr std::size_t kSize = N;

  Secret() = default;
  explicit Secret(std::span<const std::uint8_t, N> bytes) { std::memcpy(writable().data(), bytes.data(), N); }
  /// The bytes stay where they are; nothing is left of them in `other`.
  Secret(Secret&& other) noexcept : place_(std::exchange(other.place_, nullptr)) {}
  Secret& operator=(Secret&& other) noexcept {
    if (this != &other) {
      give_back_locked(place_, N);
      place_ = std::exchange(other.place_, nullptr);
    }
    return *this;
  }
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ~Secret() { give_back_locked(place_, N); }

  /// A copy has to be asked for by name.
  Secret clone() const { return Secret(bytes()); }

  std::span<const std::uint8_t, N> bytes() const {
    return std::span<const std::uint8_t, N>(place_ == nullptr ? kZeros.data() : place_, N);
  }
  std::span<std::uint8_t, N> writable() {
    if (place_ == nullptr) place_ = static_cast<std::uint8_t*>(take_locked(N));
    return std::span<std::uint8_t, N>(place_, N);
  }
  void wipe() noexcept {
    if (place_ != nullptr) ::explicit_bzero(place_, N);
  }

 private:
  static constexpr std::array<std::uint8_t, N> kZeros{};
  std::uint8_t* place_ = nullptr;  ///< null: all zero, and no memory is taken for that
};

}  // namespace adit
