// SPDX-License-Identifier: MIT
// A link's sessions between an orderly stop and the next start: keys, counters, replay windows, timers, and what is
// known of the peer. Plain bytes, which hold keys: whoever has them wipes them. docs/restart.md says why no counter can
// be used twice.
#pragma once

#include <array>
#include <cstring>
#include <optional>
#include <type_traits>

#include "base/locked_memory.h"
#include "tunnel/sessions.h"
#include "tunnel/status.h"
#include "tunnel/timers.h"

namespace adit::tunnel {

struct SavedSession {
  bool present = false;
  std::array<std::uint8_t, 32> send_key{};
  std::array<std::uint8_t, 32> receive_key{};
  std::uint32_t local_index = 0;
  std::uint32_t remote_index = 0;
  noise::Role role{};
  Instant created{};
  std::uint64_t next_counter = 0;
  noise::ReplayWindow received;
};

/// Instants are of this boot: whoever keeps it sees to it that it is not used in another one.
struct SavedTunnel {
  crypto::PublicKey our_key;
  crypto::PublicKey peer_key;
  std::array<SavedSession, 3> sessions{};  ///< next, current, previous
  noise::Tai64n newest_initiation{};       ///< the peer's
  Path path;
  std::optional<Duration> keepalive;  ///< that `timers` follow
  Timers timers;
  Status status;
};
static_assert(std::is_trivially_copyable_v<SavedTunnel>);

/// Wipes what it holds when it goes. Made with new it is in locked memory.
class SavedTunnelHolder {
 public:
  static void* operator new(std::size_t size) { return take_locked(size); }
  static void operator delete(void* memory, std::size_t size) { give_back_locked(memory, size); }
  SavedTunnelHolder() = default;
  SavedTunnelHolder(const SavedTunnelHolder&) = delete;
  SavedTunnelHolder& operator=(const SavedTunnelHolder&) = delete;
  ~SavedTunnelHolder() { explicit_bzero(static_cast<void*>(&saved), sizeof saved); }
  SavedTunnel saved;
};

}  // namespace adit::tunnel
