// SPDX-License-Identifier: MIT
#include "net/retrying_resolver.h"

#include <algorithm>
#include <utility>

namespace adit::net {

RetryingResolver::RetryingResolver(EventLoop& loop, RandomSource& random, ResolverOptions options)
    : loop_(loop), random_(random), resolver_(loop, std::move(options)), retry_(loop, [this] { ask(); }) {}

void RetryingResolver::start(std::string host, std::uint16_t port, Found found, Failed failed) {
  cancel();
  host_ = std::move(host);
  port_ = port;
  found_ = std::move(found);
  failed_ = std::move(failed);
  delay_ = kFirstDelay;
  ask();
}

void RetryingResolver::cancel() {
  lookup_ = {};
  retry_.set(std::nullopt);
}

void RetryingResolver::hurry() {
  if (!retry_.deadline()) return;
  retry_.set(std::nullopt);
  delay_ = kFirstDelay;
  ask();
}

void RetryingResolver::ask() {
  lookup_ = resolver_.resolve(host_, port_, [this](Result<Resolved> result) { finished(result); });
}

// The callbacks are copied and called last: they may start anew, or destroy this object.
void RetryingResolver::finished(const Result<Resolved>& result) {
  if (result) {
    const auto found = found_;
    found(*result);
    return;
  }
  const auto shorter_by = delay_ / 4 * (random_.u32() % 1024) / 1024;
  const auto next_try = loop_.now() + delay_ - shorter_by;
  retry_.set(next_try);
  delay_ = std::min<Duration>(2 * delay_, kLongestDelay);
  const auto failed = failed_;
  if (failed) failed(result.error(), next_try);
}

}  // namespace adit::net
