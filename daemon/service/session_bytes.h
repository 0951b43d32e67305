// SPDX-License-Identifier: MIT
// A SavedTunnel as bytes and back, field by field: what is read is a value of its type and of a time that has been, or
// it is refused. Which fields there are, of what kind and in what order, makes a number; a release that saves others
// has another one, and neither reads the other's.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/locked_memory.h"
#include "tunnel/saved.h"

namespace adit::service {

/// Of the fields that this program saves.
std::uint64_t session_layout();

/// Holds keys: in locked memory, which is wiped when it is given back.
class SessionBytes {
 public:
  explicit SessionBytes(std::size_t size) : bytes_(size) {}
  explicit SessionBytes(const tunnel::SavedTunnel& saved);
  SessionBytes(SessionBytes&&) noexcept = default;
  SessionBytes& operator=(SessionBytes&&) = delete;
  SessionBytes(const SessionBytes&) = delete;
  SessionBytes& operator=(const SessionBytes&) = delete;
  ~SessionBytes() = default;

  static std::size_t size_of_session();
  MutableBytes bytes() { return bytes_; }

 private:
  std::vector<std::uint8_t, LockedAllocator<std::uint8_t>> bytes_;
};

/// False: `bytes` are no session of this layout, and nothing of `saved` is of use. `now`: nothing in it is later.
[[nodiscard]] bool read_session(Bytes bytes, tunnel::SavedTunnel& saved, Instant now);

}  // namespace adit::service
