// SPDX-License-Identifier: MIT
// Has the timestamp of each initiation on disk before it leaves (paper §5.1): a restart with the clock set back must
// not make the peer refuse us.
#pragma once

#include "base/log.h"
#include "service/state_store.h"

namespace adit::link {

class TimestampKeeper {
 public:
  /// `loaded`: what earlier runs left in `store`.
  TimestampKeeper(service::StateStore& store, const service::StateStore::Loaded& loaded, Log& log)
      : store_(store), log_(log), last_(loaded.timestamp), lost_(!loaded.writable) {}

  void keep(const noise::Tai64n& timestamp);
  /// The last one sent, by this run or an earlier one.
  const noise::Tai64n& last() const { return last_; }

 private:
  service::StateStore& store_;
  Log& log_;
  noise::Tai64n last_;
  bool lost_;  ///< it cannot be written, and that has been said
};

}  // namespace adit::link
