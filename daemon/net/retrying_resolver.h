// SPDX-License-Identifier: MIT
// A name that is asked for until it answers: 1 s, 2 s, 4 s … and then every minute, for ever. At boot the network
// comes when it comes.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/random.h"
#include "net/event_loop.h"
#include "net/resolver.h"

namespace adit::net {

class RetryingResolver {
 public:
  static constexpr std::chrono::seconds kFirstDelay{1};
  static constexpr std::chrono::seconds kLongestDelay{60};

  using Found = std::function<void(const Resolved&)>;
  /// For the status line: what went wrong and when it is tried next.
  using Failed = std::function<void(const Error&, Instant next_try)>;

  /// Up to a quarter of each delay is random, so that hosts that lost power together do not ask together.
  RetryingResolver(EventLoop& loop, RandomSource& random, ResolverOptions options = {});

  /// Forgets what was under way and starts over, at once. `found` runs once; `failed` after each failed try.
  void start(std::string host, std::uint16_t port, Found found, Failed failed);
  void cancel();
  /// The network is another one: whatever waits for its next try has it now, and soon again.
  void hurry();
  bool pending() const { return lookup_.pending() || retry_.deadline().has_value(); }

 private:
  void ask();
  void due();
  void finished(const Result<Resolved>& result);

  EventLoop& loop_;
  RandomSource& random_;
  Resolver resolver_;
  std::string host_;
  std::uint16_t port_ = 0;
  Found found_;
  Failed failed_;
  Duration delay_ = kFirstDelay;
  std::optional<Error> refusal_;  ///< of this system to ask at all, not told yet
  Timer retry_;
  Lookup lookup_;
};

}  // namespace adit::net
