// SPDX-License-Identifier: MIT
// The commands of the file's `hooks`: which one runs when, what it is told, and what its failure comes to. One runs at
// a time, beside the loop: packets go on while it does.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip.h"
#include "base/log.h"
#include "config/config.h"
#include "net/child_process.h"

namespace adit::host {

enum class HookEvent : std::uint8_t {
  up,     ///< all of the link is in place
  down,   ///< and is about to be taken away
  state,  ///< the link is in another state, or its peer at another endpoint
};

/// What a hook is told, and it is all public.
struct HookFacts {
  std::string link;
  std::string interface;
  std::string netns;  ///< empty: the interface is where the hook runs
  std::vector<IpNetwork> addresses;
  std::uint32_t mtu = 0;
  std::vector<IpNetwork> routes;
  std::uint16_t listen = 0;
  crypto::PublicKey peer;
  Endpoint endpoint;  ///< may be unknown
  // Of `state`:
  std::string state = {};
  std::string reason = {};
  std::string previous = {};  ///< the state that a hook was told last; empty: none was
};

/// The whole of a hook's environment, as NAME=value. Of our own variables PATH, HOME and LANG go in, and no other:
/// those of a service may hold secrets, or change how programs are loaded.
std::vector<std::string> hook_environment(HookEvent event, const HookFacts& facts);

/// How long they can take, all of them.
Duration longest(const std::vector<config::Hook>& hooks);

/// The command on one line, cut if it is long, in quotes.
std::string command_text(const config::Hook& hook);

class Hooks {
 public:
  using UpDone = std::function<void(const Result<>& result)>;
  using DownDone = std::function<void()>;

  Hooks(net::EventLoop& loop, Log& log) : loop_(loop), log_(log) {}
  Hooks(const Hooks&) = delete;
  Hooks& operator=(const Hooks&) = delete;

  /// Runs one after the other. `done` is told of the first that is required and failed, and none runs after it; or that
  /// all have run. Not called once down() has been. Again only when all of down() have run, for a link that stays after
  /// all.
  void up(const std::vector<config::Hook>& hooks, const HookFacts& facts, UpDone done);
  /// Likewise. If `up` still runs, it is ended first. At most once after each up().
  void down(const std::vector<config::Hook>& hooks, const HookFacts& facts, DownDone done);
  /// The state is another one, or the endpoint: runs them once what runs has ended, each time with what is newest then.
  /// Not before up() or begin(), and not once down() has been called, until up() is again.
  void state(const std::vector<config::Hook>& hooks, const HookFacts& facts);
  /// In place of up(), where there is nothing to run.
  void begin();
  /// Those of `up` or `down`.
  bool running() const { return job_ && job_->event != HookEvent::state; }
  /// down() has been called, and up() not since.
  bool ending() const { return ending_; }

 private:
  struct Job {
    HookEvent event;
    std::vector<config::Hook> hooks;
    std::vector<std::string> environment;
    UpDone done;
    std::size_t next = 0;
  };

  struct News {
    std::vector<config::Hook> hooks;
    HookFacts facts;
  };

  void run_news();
  void run_next();
  Result<> start(const config::Hook& hook);
  void ended(const net::ChildEnd& end);
  bool failed(const std::string& reason);
  void finish(const Result<>& result);
  std::string reason_of(const net::ChildEnd& end, const config::Hook& hook) const;

  net::EventLoop& loop_;
  Log& log_;
  std::optional<Job> job_;
  std::optional<Job> after_;  ///< waits for `job_` to end
  std::optional<News> news_;  ///< likewise, and gives way to newer ones
  std::string told_;          ///< the state that a hook was told last
  bool begun_ = false;
  std::unique_ptr<net::ChildProcess> child_;
  std::uint64_t lines_ = 0;  ///< the child has printed
  bool ending_ = false;
};

}  // namespace adit::host
