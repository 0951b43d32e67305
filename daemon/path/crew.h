// SPDX-License-Identifier: MIT
// The threads that help the one with the event loop (docs/threads.md): they sleep until they are called, do what there
// is to do, and sleep again. Nobody spins. Knows nothing of packets.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <functional>
#include <thread>
#include <vector>

#include "base/file_descriptor.h"

namespace adit::path {

class Crew {
 public:
  /// One piece of work; false: there is none. Called by any number of threads at once.
  using Job = std::function<bool()>;

  /// Throws std::system_error when the kernel has no descriptor left.
  explicit Crew(Job job);
  ~Crew() { stop(); }
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;

  // The owner: the thread that has the event loop ---------------------------------------------------------------------

  /// Starts as many, or as many as the system lets us have.
  void start(std::size_t helpers);
  /// Ends them all, each after the piece of work it is at. What they have done is seen by the caller afterwards.
  void stop();
  std::size_t size() const { return threads_.size(); }
  /// There is work for one more: one that sleeps wakes up.
  void call();

  /// Readable when a helper has done something since `expect_news`.
  int fd() const { return bell_.get(); }
  /// Before the owner sleeps. It looks again afterwards for what has come meanwhile, and rings the bell itself then.
  void expect_news() { expected_ = true; }
  /// The owner is awake.
  void heard();
  /// Throws what the work of a helper threw, the first of it, once.
  void rethrow();

  // Anybody -----------------------------------------------------------------------------------------------------------

  /// Wakes the owner, if it sleeps.
  void ring();

  /// For a while without helpers: what they read and write may be changed.
  class Pause {
   public:
    /// None: nothing to do.
    explicit Pause(Crew* crew) : crew_(crew), size_(crew == nullptr ? 0 : crew->size()) {
      if (crew_ != nullptr) crew_->stop();
    }
    Pause(const Pause&) = delete;
    Pause& operator=(const Pause&) = delete;
    ~Pause() {
      if (crew_ != nullptr) crew_->start(size_);
    }

   private:
    Crew* crew_;
    std::size_t size_;
  };

 private:
  void help();

  Job job_;
  FileDescriptor bell_;
  std::vector<std::thread> threads_;
  std::atomic<bool> stopping_ = false;
  std::atomic<std::uint32_t> calls_ = 0;  ///< goes up whenever a sleeper is to look again
  std::atomic<bool> expected_ = false;
  std::atomic<bool> failed_ = false;
  std::exception_ptr failure_;  ///< written once, by who has set failed_
  std::atomic<bool> failure_is_there_ = false;
};

}  // namespace adit::path
