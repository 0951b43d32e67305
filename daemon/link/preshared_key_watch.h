// SPDX-License-Identifier: MIT
// The file with the preshared key, watched: programs that agree on a key with the peer's put it there, again and again.
#pragma once

#include <filesystem>
#include <optional>

#include "base/log.h"
#include "net/file_watch.h"
#include "tunnel/tunnel.h"

namespace adit::link {

class PresharedKeyWatch {
 public:
  /// `file` may be empty: then there is nothing to watch. The references must outlive it.
  PresharedKeyWatch(net::EventLoop& loop, const std::filesystem::path& file, tunnel::Tunnel& tunnel, Log& log);
  PresharedKeyWatch(const PresharedKeyWatch&) = delete;
  PresharedKeyWatch& operator=(const PresharedKeyWatch&) = delete;

 private:
  void changed();

  std::filesystem::path file_;
  tunnel::Tunnel& tunnel_;
  Log& log_;
  std::optional<net::FileWatch> watch_;
};

}  // namespace adit::link
