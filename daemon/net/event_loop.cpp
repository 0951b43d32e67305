// SPDX-License-Identifier: MIT
// Registrations are known to the kernel by number, not by address or descriptor: an event that was fetched together
// with the one whose callback ended its watch finds nobody under its number, even when the descriptor was reused.
#include "net/event_loop.h"

#include <sys/timerfd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

#include "base/assert.h"
#include "net/system.h"

namespace adit::net {
namespace {

constexpr std::size_t kEventsPerTurn = 32;
constexpr std::uint32_t kAlwaysReported = EPOLLERR | EPOLLHUP;

FileDescriptor checked(int fd, const char* what) {
  if (fd < 0) throw std::system_error(errno, std::generic_category(), what);
  return FileDescriptor(fd);
}

int to_milliseconds(std::optional<Duration> timeout) {
  if (!timeout) return -1;
  const auto rounded = std::chrono::ceil<std::chrono::milliseconds>(std::max(*timeout, Duration::zero()));
  return static_cast<int>(std::min<std::int64_t>(rounded.count(), 1'000'000'000));
}

itimerspec to_timerspec(std::optional<Instant> deadline) {
  itimerspec spec{};
  if (!deadline) return spec;
  // All zero would disarm: a deadline before boot becomes one just after it.
  const auto since_boot = std::max(deadline->time_since_epoch(), Duration(1));
  const auto seconds = std::chrono::floor<std::chrono::seconds>(since_boot);
  spec.it_value = {.tv_sec = seconds.count(), .tv_nsec = (since_boot - seconds).count()};
  return spec;
}

}  // namespace

Watch::Watch(Watch&& other) noexcept : loop_(std::exchange(other.loop_, nullptr)), id_(other.id_) {}

Watch& Watch::operator=(Watch&& other) noexcept {
  if (this != &other) {
    reset();
    loop_ = std::exchange(other.loop_, nullptr);
    id_ = other.id_;
  }
  return *this;
}

void Watch::set_events(std::uint32_t events) {
  ADIT_ASSERT(loop_ != nullptr);
  auto& registration = *loop_->registrations_.at(id_);
  if (registration.interest == events) return;
  registration.interest = events;
  epoll_event event{.events = events, .data = {.u64 = id_}};
  ADIT_ASSERT(epoll_ctl(loop_->epoll_.get(), EPOLL_CTL_MOD, registration.fd, &event) == 0);
}

void Watch::reset() {
  if (loop_ == nullptr) return;
  auto* loop = std::exchange(loop_, nullptr);
  const auto found = loop->registrations_.find(id_);
  epoll_ctl(loop->epoll_.get(), EPOLL_CTL_DEL, found->second->fd, nullptr);
  // Out of the map first: the callback's captures may themselves end watches when they go.
  const auto last = std::move(found->second);
  loop->registrations_.erase(found);
}

EventLoop::EventLoop() : epoll_(checked(epoll_create1(EPOLL_CLOEXEC), "cannot make an epoll")), now_(boot_now()) {}

EventLoop::~EventLoop() {
  ADIT_ASSERT(registrations_.empty());
}

Watch EventLoop::watch(int fd, std::uint32_t events, Ready callback) {
  const auto id = next_id_++;
  epoll_event event{.events = events, .data = {.u64 = id}};
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
    throw std::system_error(errno, std::generic_category(), "cannot watch a descriptor");
  }
  registrations_.emplace(id, std::make_shared<Registration>(fd, events, std::move(callback)));
  return {this, id};
}

void EventLoop::set_turn_end(std::function<void()> callback) {
  turn_end_ = std::move(callback);
}

void EventLoop::run() {
  while (!stopped_) run_once();
  stopped_ = false;
}

bool EventLoop::run_once(std::optional<Duration> timeout) {
  std::array<epoll_event, kEventsPerTurn> events;
  int count = 0;
  do {
    count = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), to_milliseconds(timeout));
  } while (count < 0 && errno == EINTR);
  ADIT_ASSERT(count >= 0);
  now_ = boot_now();
  if (count == 0) return false;

  for (const auto& event : std::span(events).first(static_cast<std::size_t>(count))) {
    serve(event);
    if (stopped_) break;  // level-triggered: what is left over comes again
  }
  if (turn_end_) turn_end_();
  return true;
}

void EventLoop::serve(const epoll_event& event) {
  // The kernel's structure is packed: no reference may be bound to what stands in it.
  const std::uint64_t id = event.data.u64;
  const auto found = registrations_.find(id);
  if (found == registrations_.end()) return;  // ended by an earlier callback of this turn
  // A copy keeps the callback alive while it runs, even if it ends its own watch.
  const auto registration = found->second;
  const auto wanted = event.events & (registration->interest | kAlwaysReported);
  if (wanted != 0) registration->callback(wanted);
}

Timer::Timer(EventLoop& loop, std::function<void()> callback)
    : fd_(checked(timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC), "cannot make a timer")),
      deadline_(std::make_shared<std::optional<Instant>>()) {
  auto fire = [fd = fd_.get(), deadline = deadline_, callback = std::move(callback)](std::uint32_t) {
    std::uint64_t expirations = 0;
    // Nothing to read: the deadline was moved after this event had been fetched.
    if (::read(fd, &expirations, sizeof expirations) != sizeof expirations) return;
    deadline->reset();
    callback();
  };
  watch_ = loop.watch(fd_.get(), EPOLLIN, std::move(fire));
}

void Timer::set(std::optional<Instant> deadline) {
  if (*deadline_ == deadline) return;
  *deadline_ = deadline;
  const auto spec = to_timerspec(deadline);
  ADIT_ASSERT(timerfd_settime(fd_.get(), TFD_TIMER_ABSTIME, &spec, nullptr) == 0);
}

}  // namespace adit::net
