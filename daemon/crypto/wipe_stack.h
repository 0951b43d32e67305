// SPDX-License-Identifier: MIT
// What functions that have returned left on the stack: the libraries' own working copies of keys, which they do not
// wipe, and what the compiler kept there.
#pragma once

#include <cstddef>

namespace adit::crypto {

/// What a handshake's computations reach down to, with room to spare.
inline constexpr std::size_t kHandshakeStack = std::size_t{16} * 1024;
/// What reading a configuration does, and writing one.
inline constexpr std::size_t kConfigStack = std::size_t{128} * 1024;

/// Wipes that much below the caller's own frame, and on x86-64 the vector registers: copying went through them, and the
/// dynamic linker puts all of them on the stack whenever a library calls a function for the first time.
void wipe_stack(std::size_t size);

/// Does so when the block ends, whichever way.
class WipedStack {
 public:
  explicit WipedStack(std::size_t size) : size_(size) {}
  WipedStack(const WipedStack&) = delete;
  WipedStack& operator=(const WipedStack&) = delete;
  ~WipedStack() { wipe_stack(size_); }

 private:
  std::size_t size_;
};

}  // namespace adit::crypto
