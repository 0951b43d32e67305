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

void TimestampKeeper::note_peers(const crypto::PublicKey& peer, const noise::Tai64n& newest) {
  if (newest == noise::Tai64n{} || newest == newest_of(peer)) return;
  peers_ = {peer, newest};
  const auto saved = store_.save_initiation(peer, newest);
  if (!saved && !lost_) {
    log_.warn("{}: if aditd is killed, recorded initiations of the peer's may be taken once more",
              saved.error().message);
    lost_ = true;
  }
}

}  // namespace adit::link
