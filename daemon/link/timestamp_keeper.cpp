// SPDX-License-Identifier: MIT
#include "link/timestamp_keeper.h"

namespace adit::link {

void TimestampKeeper::keep(const noise::Tai64n& timestamp) {
  last_ = timestamp;
  const auto saved = store_.save_timestamp(timestamp);
  if (!saved && !lost_) {
    log_.warn("{}: if aditd restarts and this host's clock goes back, the peer will refuse handshakes for that long",
              saved.error().message);
  }
  lost_ = !saved;
}

}  // namespace adit::link
