// SPDX-License-Identifier: MIT
#include "net/signals.h"

#include <sys/signalfd.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace adit::net {

SignalWatch::SignalWatch(EventLoop& loop, Arrived callback, const std::vector<int>& signals) {
  sigset_t wanted;
  sigemptyset(&wanted);
  for (const int signal : signals) sigaddset(&wanted, signal);

  fd_ = FileDescriptor(signalfd(-1, &wanted, SFD_NONBLOCK | SFD_CLOEXEC));
  if (!fd_) throw std::system_error(errno, std::generic_category(), "cannot make a signal descriptor");
  auto ready = [fd = fd_.get(), callback = std::move(callback)](std::uint32_t) {
    signalfd_siginfo info;
    // One a turn: the callback may end this watch, and level-triggering brings the next.
    if (::read(fd, &info, sizeof info) == sizeof info) callback(static_cast<int>(info.ssi_signo));
  };
  watch_ = loop.watch(fd_.get(), EPOLLIN, std::move(ready));
  pthread_sigmask(SIG_BLOCK, &wanted, &before_);
}

SignalWatch::~SignalWatch() {
  pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

}  // namespace adit::net
