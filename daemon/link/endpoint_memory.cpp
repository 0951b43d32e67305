// SPDX-License-Identifier: MIT
#include "link/endpoint_memory.h"

namespace adit::link {

EndpointMemory::~EndpointMemory() {
  if (is_saved()) return;
  if (const auto done = store_.save_endpoint(found_); !done) log_.warn("{}", done.error().message);
}

void EndpointMemory::save_if_due(Instant now) {
  if (is_saved() || now - saved_at_ < kSaveLimit) return;
  // Even when it fails: a disk that is full now is so a moment later.
  saved_ = found_;
  saved_at_ = now;
  if (const auto done = store_.save_endpoint(found_); !done) log_.debug("{}", done.error().message);
}

}  // namespace adit::link
