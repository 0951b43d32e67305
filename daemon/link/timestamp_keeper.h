// SPDX-License-Identifier: MIT
// Has the timestamp of each initiation on disk before it leaves (paper §5.1): a restart with the clock set back must
// not make the peer refuse us. And that of the peer's newest soon after it was taken: after a crash recorded ones must
// not be news.
#pragma once

#include "base/log.h"
#include "service/state_store.h"

namespace adit::link {

class TimestampKeeper {
 public:
  /// `loaded`: what earlier runs left in `store`.
  TimestampKeeper(service::StateStore& store, const service::StateStore::Loaded& loaded, Log& log)
      : store_(store), log_(log), last_(loaded.timestamp), peers_(loaded.initiation), lost_(!loaded.writable) {}

  void keep(const noise::Tai64n& timestamp);
  /// The last one sent, by this run or an earlier one.
  const noise::Tai64n& last() const { return last_; }

  /// After each turn: `newest` of the initiations that `peer` sent. All zero: none was taken.
  void note_peers(const crypto::PublicKey& peer, const noise::Tai64n& newest);
  /// Up to this one none of `peer` may be taken.
  noise::Tai64n newest_of(const crypto::PublicKey& peer) const {
    return peers_ && peers_->first == peer ? peers_->second : noise::Tai64n{};
  }

 private:
  service::StateStore& store_;
  Log& log_;
  noise::Tai64n last_;
  std::optional<std::pair<crypto::PublicKey, noise::Tai64n>> peers_;  ///< as in StateStore::Loaded
  bool lost_;                                                         ///< it cannot be written, and that has been said
};

}  // namespace adit::link
