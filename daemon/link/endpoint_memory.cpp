// SPDX-License-Identifier: MIT
#include "link/endpoint_memory.h"

namespace adit::link {

EndpointMemory::~EndpointMemory() {
  if (is_saved()) return;
  if (const auto done = store_.save_endpoint(peer_, found_); !done) log_.warn("{}", done.error().message);
}

void EndpointMemory::save_if_due(Instant now) {
  if (is_saved() || now - saved_at_ < kSaveLimit) return;
  saved_at_ = now;
  // A disk that is full now may have room the next time.
  if (const auto done = store_.save_endpoint(peer_, found_); done) {
    saved_ = found_;
  } else {
    log_.debug("{}", done.error().message);
  }
}

}  // namespace adit::link
