// SPDX-License-Identifier: MIT
#include "host/hooks.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <utility>

namespace adit::host {
namespace {

constexpr std::size_t kLongestCommand = 120;
constexpr const char* kUsualPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

// Of the shell (POSIX 2.8.2).
constexpr int kNotRunnable = 126;
constexpr int kNotFound = 127;

std::string_view name_of(HookEvent event) {
  switch (event) {
    case HookEvent::up:
      return "up";
    case HookEvent::down:
      return "down";
    case HookEvent::state:
      break;
  }
  return "state";
}

std::string joined(const std::vector<IpNetwork>& networks) {
  std::string result;
  for (const auto& network : networks) result += (result.empty() ? "" : " ") + to_string(network);
  return result;
}

/// The kernel takes no variable of 128 KiB (MAX_ARG_STRLEN): with one it would run no hook at all.
std::vector<std::string> routes_in_variables(const std::vector<IpNetwork>& routes) {
  constexpr std::size_t kMost = 120 * 1024;
  auto list = joined(routes);
  if (list.size() <= kMost) return {"ADIT_ROUTES=" + list};
  list.resize(list.rfind(' ', kMost));
  const auto there = static_cast<std::size_t>(std::ranges::count(list, ' ')) + 1;
  return {"ADIT_ROUTES=" + list, fmt::format("ADIT_ROUTES_LEFT_OUT={}", routes.size() - there)};
}

std::string signal_text(int number) {
  const char* const name = ::sigabbrev_np(number);
  return name == nullptr ? fmt::format("signal {}", number) : fmt::format("SIG{}", name);
}

}  // namespace

std::vector<std::string> hook_environment(HookEvent event, const HookFacts& facts) {
  std::vector<std::string> result{
      fmt::format("ADIT_EVENT={}", name_of(event)),
      fmt::format("ADIT_LINK={}", facts.link),
      fmt::format("ADIT_INTERFACE={}", facts.interface),
      fmt::format("ADIT_NETNS={}", facts.netns),
      fmt::format("ADIT_ADDRESSES={}", joined(facts.addresses)),
      fmt::format("ADIT_MTU={}", facts.mtu),
      fmt::format("ADIT_LISTEN={}", facts.listen),
      fmt::format("ADIT_PEER={}", to_base64(facts.peer)),
      fmt::format("ADIT_ENDPOINT={}", facts.endpoint.known() ? to_string(facts.endpoint) : ""),
  };
  std::ranges::move(routes_in_variables(facts.routes), std::back_inserter(result));
  if (event == HookEvent::state) {
    result.push_back(fmt::format("ADIT_STATE={}", facts.state));
    result.push_back(fmt::format("ADIT_REASON={}", facts.reason));
    result.push_back(fmt::format("ADIT_PREVIOUS={}", facts.previous));
  }
  for (const auto* name : {"PATH", "HOME", "LANG"}) {
    if (const char* const value = std::getenv(name)) result.push_back(fmt::format("{}={}", name, value));
  }
  if (std::getenv("PATH") == nullptr) result.push_back(fmt::format("PATH={}", kUsualPath));
  return result;
}

Duration longest(const std::vector<config::Hook>& hooks) {
  Duration sum{};
  for (const auto& hook : hooks) sum += hook.timeout + 2 * net::ChildProcess::kGrace;
  return sum;
}

std::string command_text(const config::Hook& hook) {
  std::string line;
  for (const auto& word : hook.words) line += (line.empty() ? "" : " ") + word;
  while (line.ends_with('\n')) line.pop_back();
  const bool cut = line.size() > kLongestCommand;
  std::string result;
  for (const char c : line.substr(0, kLongestCommand)) {
    const auto byte = static_cast<std::uint8_t>(c);
    result += byte < 0x20 || byte == 0x7f ? ' ' : c;
  }
  return fmt::format("\"{}{}\"", result, cut ? "…" : "");
}

void Hooks::up(const std::vector<config::Hook>& hooks, const HookFacts& facts, UpDone done) {
  begun_ = true;
  ending_ = false;
  job_ = Job{HookEvent::up, hooks, hook_environment(HookEvent::up, facts), std::move(done)};
  run_next();
}

void Hooks::down(const std::vector<config::Hook>& hooks, const HookFacts& facts, DownDone done) {
  ending_ = true;
  news_.reset();
  Job job{HookEvent::down, hooks, hook_environment(HookEvent::down, facts),
          [done = std::move(done)](const Result<>&) { done(); }};
  if (job_) {
    after_ = std::move(job);
    child_->cancel();
    return;
  }
  job_ = std::move(job);
  run_next();
}

void Hooks::begin() {
  begun_ = true;
  if (!job_) run_news();
}

void Hooks::state(const std::vector<config::Hook>& hooks, const HookFacts& facts) {
  if (ending_ || hooks.empty()) return;
  news_ = News{hooks, facts};
  if (begun_ && !job_) run_news();
}

void Hooks::run_news() {
  if (!news_) return;
  auto [hooks, facts] = std::move(*news_);
  news_.reset();
  facts.previous = std::exchange(told_, facts.state);
  job_ = Job{HookEvent::state, std::move(hooks), hook_environment(HookEvent::state, facts), {}};
  run_next();
}

void Hooks::run_next() {
  while (job_->next < job_->hooks.size()) {
    const auto started = start(job_->hooks[job_->next]);
    if (started || failed(started.error().message)) return;
    ++job_->next;
  }
  finish({});
}

Result<> Hooks::start(const config::Hook& hook) {
  net::ChildOptions options{.words = hook.words, .environment = job_->environment, .timeout = hook.timeout};
  if (hook.shell) options.words.insert(options.words.begin(), {"/bin/sh", "-c"});
  lines_ = 0;
  log_.debug("hooks.{}: running {}", name_of(job_->event), command_text(hook));
  const auto line = [this](std::string_view text) {
    ++lines_;
    log_.info("hooks.{}: {}", name_of(job_->event), text);
  };
  auto started = net::ChildProcess::start(loop_, options, line, [this](const net::ChildEnd& end) { ended(end); });
  if (!started) {
    return fail("cannot be run: {}; see that the program is there and that aditd may run it", started.error().message);
  }
  child_ = std::move(*started);
  return {};
}

void Hooks::ended(const net::ChildEnd& end) {
  child_.reset();
  const auto& hook = job_->hooks[job_->next];
  if (end.lines_left_out > 0) {
    log_.info("hooks.{}: {} more lines are left out", name_of(job_->event), end.lines_left_out);
  }
  if (after_) {
    log_.info("hooks.{}: {} was ended, since the link ends", name_of(job_->event), command_text(hook));
    finish({});
    return;
  }
  if (!end.succeeded() && failed(reason_of(end, hook))) return;
  ++job_->next;
  run_next();
}

/// Tells of the hook whose turn it is. True: it was required, and the job is over; `done` may have begun another one.
bool Hooks::failed(const std::string& reason) {
  const auto& hook = job_->hooks[job_->next];
  const auto sentence = fmt::format("hooks.{}: {} {}", name_of(job_->event), command_text(hook), reason);
  if (!hook.required) {
    log_.warn("{}", sentence);
    return false;
  }
  finish(fail("{}; the link does not go on without, as the hook says required: true", sentence));
  return true;
}

std::string Hooks::reason_of(const net::ChildEnd& end, const config::Hook& hook) const {
  using How = net::ChildEnd::How;
  const auto* const advice =
      lines_ > 0 ? "; what it printed stands above" : "; it printed nothing, so run it by hand to see why";
  switch (end.how) {
    case How::exited:
      if (hook.shell && end.number == kNotFound)
        return fmt::format("failed with exit status {}, the shell's for a command it does not find{}", end.number,
                           advice);
      if (hook.shell && end.number == kNotRunnable)
        return fmt::format("failed with exit status {}, the shell's for a command it may not run{}", end.number,
                           advice);
      return fmt::format("failed with exit status {}{}", end.number, advice);
    case How::signalled:
      return fmt::format("was ended by {}{}", signal_text(end.number), advice);
    case How::timed_out:
    case How::cancelled:
      return fmt::format("took longer than {}s and was ended; raise its timeout, or let it go on in the background",
                         hook.timeout.count());
    case How::escaped:
      break;
  }
  return fmt::format("took longer than {}s and took no notice of SIGKILL; it is left to itself, see what it waits for",
                     hook.timeout.count());
}

void Hooks::finish(const Result<>& result) {
  const auto finished = std::move(*job_);
  job_.reset();
  if (after_) {
    job_ = std::exchange(after_, std::nullopt);
    run_next();
    return;
  }
  if (finished.done) finished.done(result);
  if (!job_) run_news();
}

}  // namespace adit::host
