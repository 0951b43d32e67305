// SPDX-License-Identifier: MIT
#include "net/retrying_resolver.h"

#include <fmt/core.h>

#include <algorithm>
#include <system_error>
#include <utility>

namespace adit::net {

RetryingResolver::RetryingResolver(EventLoop& loop, RandomSource& random, ResolverOptions options)
    : loop_(loop), random_(random), resolver_(loop, std::move(options)), retry_(loop, [this] { due(); }) {}

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
  refusal_.reset();
  retry_.set(std::nullopt);
}

void RetryingResolver::hurry() {
  if (!retry_.deadline()) return;
  retry_.set(std::nullopt);
  refusal_.reset();
  delay_ = kFirstDelay;
  ask();
}

/// Called by others and by the loop, which no want of descriptors is to end. It is told in the next turn, as all
/// failures are: never while the caller is still busy.
void RetryingResolver::ask() try {
  lookup_ = resolver_.resolve(host_, port_, [this](Result<Resolved> result) { finished(result); });
} catch (const std::system_error& error) {
  refusal_ = Error{
      fmt::format("cannot resolve {}: {}; raise what this process may have open (ulimit -n, LimitNOFILE= of the unit)",
                  host_, error.what())};
  retry_.set(loop_.now());
}

void RetryingResolver::due() {
  if (const auto refusal = std::exchange(refusal_, std::nullopt)) return finished(std::unexpected(*refusal));
  ask();
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
