// SPDX-License-Identifier: MIT
// How a run of the daemon ends: for good, for a successor, or because it cannot go on.
#include "app/daemon.h"

#include <fmt/core.h>

#include "app/inheritance.h"
#include "app/successor.h"
#include "crypto/wipe_stack.h"
#include "host/host_plan.h"

namespace adit::app {

void Daemon::signal(int number) {
  const crypto::WipedStack wiped(crypto::kConfigStack);
  if (number == SIGHUP) {
    if (reload_->from_file()) reloaded();
    return;
  }
  if (number == SIGUSR2) {
    succeed();
    return;
  }
  ground_.log.info("ending on {}", number == SIGTERM ? "SIGTERM" : "SIGINT");
  if (hooks_.ending()) {
    run_.ending = Ending::stopped;
    ground_.loop.stop();  // whoever asks twice does not want to wait
    return;
  }
  // With a hook cut short nobody knows what it has done: then all is taken back, and done again.
  if (number == SIGTERM && !hooks_.running() && !is_set_up_by_wg() && service::ServiceManager::is_restarting()) {
    const auto done = prepare_session();
    if (done) return keep();
    ground_.log.error("{}", done.error().message);
  }
  begin_down();
}

/// What awaits another run is not in force, and may never be.
void Daemon::reloaded() {
  if (run_.ending != Ending::succeeded) wg_->commands.forget_changes(reload_->kept_preshared_key());
}

/// For the run that the service manager starts next. With mistakes in the file that one makes nothing.
void Daemon::keep() {
  run_.ending = Ending::kept;
  const auto next = reload_->read_file();
  if (!next || !*next || !keeps_interface(**next, config_, *doors_, *host_)) return begin_down();
  ground_.loop.stop();
}

/// The hooks may have taken long, and a `systemctl stop` meanwhile takes the restart's place without another signal: no
/// run follows then that would take back what is kept for it.
void Daemon::reconsider_keeping() {
  if (!hooks_.ending() || service::ServiceManager::is_restarting()) return;
  ground_.log.info("no run follows after all: nothing is kept for it");
  run_.ending = Ending::stopped;
  run_.session.reset();
}

/// give_up() has no link left to run hooks on.
void Daemon::begin_down() {
  hooks_.down(config_.hooks.down, hook_facts(), [this] { ground_.loop.stop(); });
}

/// Only for a successor that will run: with mistakes in the file it would end at once, and the link with it.
void Daemon::succeed() {
  if (hooks_.running()) {
    return go_on_after_all({"a hook still runs, and would be lost (try again when it has ended)"});
  }
  if (is_set_up_by_wg()) return go_on_after_all({"a new run would not know what `wg` has set up"});
  const auto same_interface = look_ahead();
  if (!same_interface) return go_on_after_all(same_interface.error());
  if (const auto done = make_room(); !done) return go_on_after_all(done.error());
  if (!*same_interface) return take_leave();
  ground_.loop.stop();
}

/// Whether a new run goes on with the interface; the error says why there would be none. What is wrong in the file is
/// in the log besides.
Result<bool> Daemon::look_ahead() {
  const auto next = reload_->read_file();
  if (!next) {
    return fail(
        "{0} could not be read within {1} seconds (see whether the disk or network file system it is on still answers, "
        "`ls -l {0}`)",
        config_.file, Reload::kPatience.count());
  }
  if (!*next) {
    for (const auto& problem : next->error()) ground_.log.error("{}", config::to_string(problem));
    return fail("{} has mistakes", config_.file);
  }
  const bool keeps = keeps_interface(**next, config_, *doors_, *host_);
  if (auto done = check_successor(**next, config_, *doors_, keeps); !done) return std::unexpected(done.error());
  return keeps;
}

void Daemon::go_on_after_all(const Error& why) {
  ground_.log.error("{}: this run goes on instead of a new one", why.message);
}

/// For a file that wants another interface. Its session goes on.
Result<> Daemon::replace() {
  if (hooks_.running()) return fail("a hook still runs, and would be lost: try again when it has ended");
  if (auto done = make_room(); !done) return done;
  take_leave();
  // Without hooks that was decided at once.
  return run_.ending == Ending::succeeded ? Result<>() : fail("a new run could not have what it needs: see the log");
}

/// This run will have a successor.
Result<> Daemon::make_room() {
  if (auto why = service::why_no_successor(doors_->device.queues())) return std::unexpected(std::move(*why));
  if (auto done = prepare_session(); !done) return done;
  ground_.log.info("making room for a new run");
  run_.ending = Ending::succeeded;
  return {};
}

/// The successor makes another interface, and runs what goes with the beginning of one.
void Daemon::take_leave() {
  hooks_.down_before_another(config_.hooks.down, hook_facts(), [this] { end_of_leave(); });
}

/// The hooks may have taken long, and the successor reads the file anew: somebody may be at work on it.
void Daemon::end_of_leave() {
  const crypto::WipedStack wiped(crypto::kConfigStack);
  if (const auto successor = look_ahead(); !successor) {
    run_.ending = Ending::stopped;
    run_.session.reset();
    go_on_after_all(successor.error());
    return begin_up();
  }
  ground_.loop.stop();
}

/// Before anything is given up: afterwards there is no way back.
Result<> Daemon::prepare_session() {
  auto file = service::make_session_file();
  if (!file) return std::unexpected(file.error());
  run_.session = std::move(*file);
  return {};
}

Result<service::Estate> Daemon::leave() {
  return bequeath(std::move(run_.session), config_, *doors_, *host_, link_->machine(), hooks_.ending(),
                  beside_.copies->seen());
}

void Daemon::give_up(Error reason) {
  if (!run_.failure) run_.failure = std::move(reason);
  ground_.loop.stop();
}

void Daemon::tell_what_is_blocked() const {
  for (const auto family : host::blocked_families(config_)) {
    ground_.log.info("{}", host::why_blocked(family));
  }
  link::warn_of_left_out(host_->conflicts(), ground_.log);
}

}  // namespace adit::app
