// SPDX-License-Identifier: MIT
// One epoll, level-triggered, one thread. Time is read once a wake-up and frozen for the turn (CLOCK_BOOTTIME), so
// that everything which happens in one turn happens at one instant. Knows nothing of packets, sockets or signals.
#pragma once

#include <sys/epoll.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <unordered_map>

#include "base/file_descriptor.h"
#include "base/time.h"

namespace adit::net {

class EventLoop;

/// A descriptor's place in the loop; its destructor ends it, also from within its own callback or another's of the
/// same turn: no callback runs after that. The descriptor must stay open as long as its Watch lives.
class Watch {
 public:
  Watch() = default;
  Watch(Watch&& other) noexcept;
  Watch& operator=(Watch&& other) noexcept;
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;
  ~Watch() { reset(); }

  /// The interest from now on: EPOLLIN, EPOLLOUT, both, or 0 (errors and hang-ups are always reported).
  void set_events(std::uint32_t events);
  void reset();
  explicit operator bool() const { return loop_ != nullptr; }

 private:
  friend class EventLoop;
  Watch(EventLoop* loop, std::uint64_t id) : loop_(loop), id_(id) {}

  EventLoop* loop_ = nullptr;
  std::uint64_t id_ = 0;
};

/// Outlives its watches and timers. Constructor and `watch` throw std::system_error when the kernel is out of
/// descriptors or memory; running never throws by itself.
class EventLoop {
 public:
  using Ready = std::function<void(std::uint32_t events)>;

  EventLoop();
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  [[nodiscard]] Watch watch(int fd, std::uint32_t events, Ready callback);
  /// Called at the end of each turn, after its last callback: where the shell sends what has gathered and sets its
  /// timers. One at most; an empty function removes it.
  void set_turn_end(std::function<void()> callback);

  /// When this turn began.
  Instant now() const { return now_; }
  /// Turns until stop().
  void run();
  /// One turn: waits for the first event at most `timeout` (none: for ever), serves what is there. False: timed out.
  bool run_once(std::optional<Duration> timeout = std::nullopt);
  /// Ends run() after the callback that is being served. Callbacks only; not for signal handlers.
  void stop() { stopped_ = true; }

 private:
  friend class Watch;
  struct Registration {
    int fd;
    std::uint32_t interest;
    Ready callback;
  };

  void serve(const epoll_event& event);

  FileDescriptor epoll_;
  std::unordered_map<std::uint64_t, std::shared_ptr<Registration>> registrations_;
  std::function<void()> turn_end_;
  std::uint64_t next_id_ = 1;
  Instant now_;
  bool stopped_ = false;
};

/// One deadline on CLOCK_BOOTTIME. Fires once per set(), in the first turn at or after it; a deadline in the past
/// fires in the next turn, never within set().
class Timer {
 public:
  Timer(EventLoop& loop, std::function<void()> callback);

  /// Replaces the deadline; none: disarms.
  void set(std::optional<Instant> deadline);
  std::optional<Instant> deadline() const { return *deadline_; }

 private:
  FileDescriptor fd_;
  std::shared_ptr<std::optional<Instant>> deadline_;
  Watch watch_;
};

}  // namespace adit::net
