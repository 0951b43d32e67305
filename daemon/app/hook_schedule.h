// SPDX-License-Identifier: MIT
// When the commands of the file's `hooks` run, and what the service manager hears meanwhile.
#pragma once

#include <functional>
#include <vector>

#include "host/hooks.h"
#include "service/service_manager.h"

namespace adit::app {

class HookSchedule {
 public:
  HookSchedule(net::EventLoop& loop, Log& log, service::ServiceManager& service)
      : hooks_(loop, log), service_(service) {}

  /// All of the link is in place. The link is ready at once, unless one of `hooks` may yet turn out to be in its way;
  /// then `done` hears why. It hears of the end in any case.
  void up(const std::vector<config::Hook>& hooks, const host::HookFacts& facts,
          std::function<void(const Result<>&)> done);
  /// For who goes on with the link of the run before, which was not taken back: what `up` does is done.
  void already_up() {
    service_.ready();
    hooks_.begin();
  }
  /// The orderly end: packets move until all have run, and `done` hears of it.
  void down(const std::vector<config::Hook>& hooks, const host::HookFacts& facts, std::function<void()> done);
  /// Likewise, for who has a successor that begins with another interface: the service goes on.
  void down_before_another(const std::vector<config::Hook>& hooks, const host::HookFacts& facts,
                           std::function<void()> done);

  /// The link is in another state, or its peer at another endpoint.
  void state(const std::vector<config::Hook>& hooks, const host::HookFacts& facts) { hooks_.state(hooks, facts); }

  bool running() const { return hooks_.running(); }
  /// One of the two for `down` has been called, and up() not since.
  bool ending() const { return hooks_.ending(); }

 private:
  host::Hooks hooks_;
  service::ServiceManager& service_;
};

}  // namespace adit::app
