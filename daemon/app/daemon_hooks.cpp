// SPDX-License-Identifier: MIT
// When the commands of the file's `hooks` run, and what the service manager hears meanwhile.
#include <algorithm>

#include "app/daemon.h"

namespace adit::app {
namespace {

/// For what is to be done besides running hooks.
constexpr Duration kBesides = std::chrono::seconds(10);

}  // namespace

/// Who goes on with the link of the run before finds done what `up` does: it was not taken back. Otherwise the link is
/// ready at once, unless it may turn out that it cannot be.
void Daemon::begin_up() {
  const auto& hooks = config_.hooks.up;
  const bool required = !goes_on_ && std::ranges::any_of(hooks, &config::Hook::required);
  if (required) {
    service_.patient_for(longest(hooks) + kBesides);
  } else {
    service_.ready();
  }
  if (goes_on_) return;
  hooks_.up(hooks, hook_facts(), [this, required](const Result<>& done) {
    if (!done) {
      failure_ = done.error();
      begin_down();
    } else if (required) {
      service_.ready();
    }
  });
}

/// The orderly end: packets move until `down` has run. give_up() has no link left to run it on.
void Daemon::begin_down() {
  service_.stopping();
  if (!config_.hooks.down.empty()) service_.patient_for(longest(config_.hooks.down) + kBesides);
  hooks_.down(config_.hooks.down, hook_facts(), [this] { loop_.stop(); });
}

HookFacts Daemon::hook_facts() const {
  HookFacts facts{.link = config_.name,
                  .interface = device_.name(),
                  .addresses = config_.interface.addresses,
                  .mtu = host_.mtu(),
                  .listen = sockets_.port(),
                  .peer = config_.peer.public_key,
                  .endpoint = tunnel_->path().remote};
  for (const auto& route : config_.routes) facts.routes.push_back(route.to);
  return facts;
}

}  // namespace adit::app
