// SPDX-License-Identifier: MIT
// The file with the preshared key, watched: programs that agree on a key with the peer's put it there, again and again.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>

#include "base/log.h"
#include "crypto/blake2s.h"
#include "net/file_watch.h"
#include "tunnel/tunnel.h"

namespace adit::link {

class PresharedKeyWatch {
 public:
  using Machine = std::unique_ptr<tunnel::Tunnel>;

  /// `file` may be empty: then there is nothing to watch. The references must outlive it; `tunnel` may come to hold
  /// another one.
  PresharedKeyWatch(net::EventLoop& loop, const std::filesystem::path& file, const Machine& tunnel, Log& log);
  PresharedKeyWatch(const PresharedKeyWatch&) = delete;
  PresharedKeyWatch& operator=(const PresharedKeyWatch&) = delete;

  /// Takes the key that is in the file now, if that is another one than the tunnel's, as it does whenever the file
  /// comes to hold another key than before.
  void look();
  const std::filesystem::path& file() const { return file_; }
  /// False: changes go unnoticed.
  bool works() const { return !watch_ || watch_->works(); }

 private:
  void changed();
  void take(bool also_unchanged);

  std::filesystem::path file_;
  std::optional<crypto::Hash> said_;  ///< of the key that was in the file when it was read last; none: of no key
  const Machine& tunnel_;
  Log& log_;
  std::optional<net::FileWatch> watch_;
};

}  // namespace adit::link
