// SPDX-License-Identifier: MIT
#include "path/pump.h"

#include <poll.h>
#include <sys/epoll.h>

#include <array>
#include <tuple>
#include <utility>

#include "net/system.h"

namespace adit::path {

Pump::Pump(net::EventLoop& loop, Doors& doors, tunnel::Tunnel& tunnel, DataPath& data_path)
    : loop_(loop), doors_(doors), tunnel_(tunnel), data_path_(data_path), tick_(loop, [] {}) {
  for (std::size_t queue = 0; queue < doors.device.queues(); ++queue) {
    tun_watches_.push_back(loop.watch(doors.device.fd(queue), EPOLLIN, [this, queue](std::uint32_t) {
      data_path_.packets_wait(queue);
      packets_wait_ = true;
    }));
  }
  watch_sockets();
}

void Pump::watch_sockets() {
  v4_watch_ = watch(doors_.sockets.v4);
  v6_watch_ = watch(doors_.sockets.v6);
}

void Pump::unwatch_sockets() {
  v4_watch_ = {};
  v6_watch_ = {};
}

net::Watch Pump::watch(std::optional<net::UdpSocket>& socket) {
  if (!socket) return {};
  return loop_.watch(socket->fd(), EPOLLIN, [this, family = socket->family()](std::uint32_t events) {
    room_to_send_ |= (events & EPOLLOUT) != 0;
    if ((events & ~EPOLLOUT) == 0) return;
    datagrams_wait_ = true;
    doors_.udp_port.mark_readable(family);
  });
}

const Workers& Pump::set_workers(const Workers& wanted, Instant now) {
  bell_watch_.reset();
  data_path_.set_workers(wanted.count, now);
  if (const int bell = data_path_.bell(); bell >= 0) {
    bell_watch_ = loop_.watch(bell, EPOLLIN, [this](std::uint32_t) { data_path_.heard(); });
  }
  workers_ = workers_that_are_there(wanted, data_path_.workers());
  return workers_;
}

/// Datagrams first: what they deliver makes the kernel answer at once, and the answers are in the same turn's packets.
Result<> Pump::move(Instant now) {
  data_path_.catch_up(now);
  if (std::exchange(room_to_send_, false)) data_path_.resume(now);
  const bool received = std::exchange(datagrams_wait_, false) && data_path_.takes_datagrams();
  if (received) {
    if (auto done = receive(now); !done) return done;
    data_path_.lend_a_hand(now);
  }
  // Of one queue the answers to what was received are there already; of several it is not known in which.
  const bool several = tun_watches_.size() > 1;
  const bool waiting = std::exchange(packets_wait_, false) || (several && data_path_.has_ready_queue());
  if (((received && !several) || waiting) && data_path_.takes_packets()) {
    if (auto done = send(now); !done) return done;
  }
  if (tunnel_.deadline() <= now) data_path_.tick(now);
  data_path_.lend_a_hand(now);
  return {};
}

void Pump::move_meanwhile(std::chrono::milliseconds patience, const std::function<void()>& first) {
  std::array<pollfd, net::kMostQueues + 2> doors{};
  std::size_t count = 0;
  const auto add = [&](int fd) { doors[count++] = {.fd = fd, .events = POLLIN, .revents = 0}; };
  for (std::size_t queue = 0; queue < doors_.device.queues(); ++queue) {
    if (data_path_.takes_packets_of(queue)) add(doors_.device.fd(queue));
  }
  for (const auto* socket : {&doors_.sockets.v4, &doors_.sockets.v6}) {
    if (*socket && data_path_.takes_datagrams()) add((*socket)->fd());
  }
  if (poll(doors.data(), count, static_cast<int>(patience.count())) > 0) {
    packets_wait_ = datagrams_wait_ = true;
    for (std::size_t queue = 0; queue < doors_.device.queues(); ++queue) data_path_.packets_wait(queue);
    for (const auto family : {Family::v4, Family::v6}) doors_.udp_port.mark_readable(family);
  }
  first();
  std::ignore = move(net::boot_now());
}

Result<> Pump::receive(Instant now) {
  const auto result = data_path_.receive(now);
  if (result.error == 0) return {};
  return fail("the UDP socket can no longer be used: {}", net::describe(result.error));
}

Result<> Pump::send(Instant now) {
  const auto result = data_path_.send(now);
  if (result.error == 0) return {};
  const auto& name = doors_.device.name();
  if (net::TunDevice::is_gone(result.error)) return std::unexpected(interface_removed(name));
  return fail("the interface {} can no longer be read: {}", name, net::describe(result.error));
}

/// While a socket is full, packets wait in the kernel, and so do both kinds while all batches are in work. Nearly every
/// packet moves a deadline into the future: the timer is left where it is then, and looks again.
void Pump::plan() {
  // First: what another worker does after we have looked below wakes us.
  data_path_.expect_news();
  const auto blocked = data_path_.blocked();
  const auto in = data_path_.takes_datagrams() ? std::uint32_t{EPOLLIN} : 0;
  for (std::size_t queue = 0; queue < tun_watches_.size(); ++queue) {
    tun_watches_[queue].set_events(data_path_.takes_packets_of(queue) ? std::uint32_t{EPOLLIN} : 0);
  }
  if (v4_watch_) v4_watch_.set_events(blocked == Family::v4 ? in | EPOLLOUT : in);
  if (v6_watch_) v6_watch_.set_events(blocked == Family::v6 ? in | EPOLLOUT : in);
  const auto deadline = tunnel_.deadline();
  if (deadline == tunnel::kNever) return;
  if (!tick_.deadline() || deadline < *tick_.deadline()) tick_.set(deadline);
}

Error interface_removed(const std::string& name) {
  return {
      fmt::format("the interface {} was removed while in use: start aditd again (systemd does so by itself)", name)};
}

}  // namespace adit::path
