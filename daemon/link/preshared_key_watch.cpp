// SPDX-License-Identifier: MIT
#include "link/preshared_key_watch.h"

#include <utility>

#include "config/key_source.h"
#include "crypto/wipe_stack.h"

namespace adit::link {

PresharedKeyWatch::PresharedKeyWatch(net::EventLoop& loop, const std::filesystem::path& file, const Machine& tunnel,
                                     Log& log)
    : file_(file), tunnel_(tunnel), log_(log) {
  if (file_.empty()) return;
  watch_.emplace(loop, file_, [this] { changed(); });
  if (!watch_->works()) {
    log_.warn("changes of {} will not be noticed by themselves: reload after them", file_.native());
  }
  if (const auto key = config::read_preshared_key_file(file_)) said_ = crypto::blake2s({key->bytes()});
}

void PresharedKeyWatch::look() {
  if (!file_.empty()) take(true);
}

/// A file that was only touched, or written as it was, does not put its key in place of one that `wg` has set.
void PresharedKeyWatch::changed() {
  take(false);
}

void PresharedKeyWatch::take(bool also_unchanged) {
  const crypto::WipedStack wiped(crypto::kConfigStack);
  auto key = config::read_preshared_key_file(file_);
  if (!key) {
    log_.warn("peer.preshared_key_file: {}; the key in use stays", key.error().message);
    return;
  }
  const auto now = crypto::blake2s({key->bytes()});
  const bool is_another = std::exchange(said_, now) != now;
  if ((is_another || also_unchanged) && !tunnel_->has_preshared_key(*key)) {
    tunnel_->set_preshared_key(std::move(*key));
    log_.info("peer.preshared_key_file: another key, from the next handshake on");
  }
}

}  // namespace adit::link
