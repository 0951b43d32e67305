// SPDX-License-Identifier: MIT
// Where the peer was last heard, kept on disk for the next run: soon after it moved, and seldom while it keeps moving.
#pragma once

#include "base/log.h"
#include "service/state_store.h"

namespace adit::link {

class EndpointMemory {
 public:
  /// It is written this often at most.
  static constexpr Duration kSaveLimit = std::chrono::seconds(5);

  EndpointMemory(service::StateStore& store, const crypto::PublicKey& peer, Log& log, Instant now)
      : store_(store), peer_(peer), log_(log), saved_at_(now - kSaveLimit) {}
  /// Writes what was found since.
  ~EndpointMemory();
  EndpointMemory(const EndpointMemory&) = delete;
  EndpointMemory& operator=(const EndpointMemory&) = delete;

  void found(const Endpoint& where) { found_ = where; }
  void save_if_due(Instant now);

 private:
  bool is_saved() const { return !found_.known() || found_ == saved_; }

  service::StateStore& store_;
  crypto::PublicKey peer_;
  Log& log_;
  Endpoint found_;
  Endpoint saved_;
  Instant saved_at_;
};

}  // namespace adit::link
