// SPDX-License-Identifier: MIT
#include "path/crew.h"

#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <system_error>
#include <tuple>
#include <utility>

namespace adit::path {
namespace {

/// Signals are for the thread with the event loop: one that starts now gets none.
class NoSignals {
 public:
  NoSignals() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before_);
  }
  NoSignals(const NoSignals&) = delete;
  NoSignals& operator=(const NoSignals&) = delete;
  ~NoSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_{};
};

}  // namespace

Crew::Crew(Job job) : job_(std::move(job)), bell_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!bell_) throw std::system_error(errno, std::generic_category(), "eventfd");
}

void Crew::start(std::size_t helpers) {
  const NoSignals block;
  threads_.reserve(helpers);
  try {
    while (threads_.size() < helpers) {
      threads_.emplace_back([this] {
        // By itself: another thread's name is a file, and writing may be confined (rights/fence.h).
        pthread_setname_np(pthread_self(), "adit-worker");
        help();
      });
    }
  } catch (const std::system_error&) {
    return;  // the system's limit of threads: fewer, then
  }
}

void Crew::stop() {
  stopping_ = true;
  calls_.fetch_add(1);
  calls_.notify_all();
  for (auto& thread : threads_) thread.join();
  threads_.clear();
  stopping_ = false;
}

void Crew::call() {
  calls_.fetch_add(1);
  calls_.notify_one();
}

/// Whoever calls has published before: who read the number of calls earlier than that does not fall asleep on it.
void Crew::help() {
  for (;;) {
    const auto seen = calls_.load();
    if (stopping_) return;
    try {
      if (job_()) {
        ring();
        continue;
      }
    } catch (...) {
      if (!failed_.exchange(true)) {
        failure_ = std::current_exception();
        failure_is_there_ = true;
      }
      ring();
      continue;
    }
    calls_.wait(seen);
  }
}

void Crew::ring() {
  if (!expected_ || !expected_.exchange(false)) return;
  const std::uint64_t one = 1;
  std::ignore = ::write(bell_.get(), &one, sizeof one);  // at worst it rings already
}

void Crew::heard() {
  expected_ = false;
  std::uint64_t rings = 0;
  std::ignore = ::read(bell_.get(), &rings, sizeof rings);
}

void Crew::rethrow() {
  if (!failure_is_there_.exchange(false)) return;
  const auto failure = std::exchange(failure_, nullptr);
  failed_ = false;
  std::rethrow_exception(failure);
}

}  // namespace adit::path
