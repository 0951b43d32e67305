// SPDX-License-Identifier: MIT
#include "app/hook_schedule.h"

#include <algorithm>

namespace adit::app {
namespace {

/// For what is to be done besides running hooks.
constexpr Duration kBesides = std::chrono::seconds(10);

}  // namespace

void HookSchedule::up(const std::vector<config::Hook>& hooks, const host::HookFacts& facts,
                      std::function<void(const Result<>&)> done) {
  const bool required = std::ranges::any_of(hooks, &config::Hook::required);
  if (required) {
    service_.patient_for(host::longest(hooks) + kBesides);
  } else {
    service_.ready();
  }
  hooks_.up(hooks, facts, [this, required, done = std::move(done)](const Result<>& result) {
    done(result);
    if (result && required) service_.ready();
  });
}

void HookSchedule::down(const std::vector<config::Hook>& hooks, const host::HookFacts& facts,
                        std::function<void()> done) {
  service_.stopping();
  down_before_another(hooks, facts, std::move(done));
}

void HookSchedule::down_before_another(const std::vector<config::Hook>& hooks, const host::HookFacts& facts,
                                       std::function<void()> done) {
  if (!hooks.empty()) service_.patient_for(host::longest(hooks) + kBesides);
  hooks_.down(hooks, facts, std::move(done));
}

}  // namespace adit::app
