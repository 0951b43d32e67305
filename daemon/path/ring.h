// SPDX-License-Identifier: MIT
// The ring through which batches go when several threads move packets (docs/threads.md). Work on them may be done by
// anybody, in any order and at the same time; finishing them is done in the order in which they were published, by
// anybody, one thread at a time:
//
//        collected       finished        taken        published
//   ── free ──┤ ── ended ──┤── in work ────┤── waiting ──┤── free ──
//
// Nobody ever waits for another: who finds somebody else finishing leaves, and that one looks again before it leaves
// itself. There is no lock, and nothing here is done for a packet, only for a batch. Knows nothing of what a batch is.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>

#include "base/assert.h"

namespace adit::path {

/// Called wherever a batch passes from one thread to another: tests shake the schedule there. Empty: nothing.
using HandOverPoint = std::function<void()>;

template <class Slot>
class Ring {
 public:
  static constexpr std::uint64_t kPlaces = 64;

  explicit Ring(const HandOverPoint& point) : point_(point) {}
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;

  // The owner: the thread that has the event loop ---------------------------------------------------------------------

  /// The slot is the ring's until it is collected.
  void publish(Slot& slot) {
    const auto at = published_.load();
    ADIT_ASSERT(at - collected_ < kPlaces);
    place(at).slot = &slot;
    place(at).state = State::open;
    pass_point();
    published_ = at + 1;
  }
  /// Hands every slot that is finished to `take`, in order, with whether its work failed.
  template <class Take>
  void collect(const Take& take) {
    for (const auto end = finished_.load(); collected_ < end;) {
      const auto& ended = place(collected_++);
      take(*ended.slot.load(), ended.state == State::failed);
    }
  }
  /// How many are not collected yet.
  std::uint64_t in_flight() const { return published_ - collected_; }
  bool has_finished() const { return finished_ != collected_; }
  /// The first that is not collected; null: there is none.
  const Slot* oldest() const { return in_flight() == 0 ? nullptr : place(collected_).slot.load(); }
  /// What `finish` was held up by is gone: to be followed by `finish`.
  void let_go() { held_ = false; }

  // Anybody -----------------------------------------------------------------------------------------------------------

  /// How many nobody has taken yet.
  std::uint64_t waiting() const {
    const auto taken = taken_.load();
    return published_ - taken;
  }
  bool held() const { return held_; }
  /// The head is done, and nothing holds it up.
  bool is_ready() const {
    const auto at = finished_.load();
    return at < published_ && place(at).state != State::open && !held_;
  }

  /// Takes the next one and has `work` done on it. False: there is none. A slot whose work throws is failed: it is not
  /// finished, but it does not hold up the others.
  template <class Work>
  bool work(const Work& work) {
    auto at = taken_.load();
    do {
      if (at == published_) return false;
    } while (!taken_.compare_exchange_weak(at, at + 1));
    auto& mine = place(at);
    pass_point();
    try {
      work(*mine.slot.load());
    } catch (...) {
      mine.state = State::failed;
      throw;
    }
    pass_point();
    mine.state = State::done;
    return true;
  }

  /// Has `finish` end those at the head that are done, unless somebody else is at it. False from `finish`: this one is
  /// not ended, and neither are those behind it until somebody says `let_go`.
  template <class Finish>
  void finish(const Finish& finish) {
    // All of it sequentially consistent: whoever finds the door closed has said before that its slot is done, and
    // whoever opens the door looks for such slots afterwards. One of the two sees the other.
    while (is_ready()) {
      if (finishing_.exchange(true)) return;
      const Door door{finishing_};
      pass_point();
      while (is_ready()) {
        const auto at = finished_.load();
        if (!end(place(at), finish)) break;
        pass_point();
        finished_ = at + 1;
      }
    }
  }

 private:
  enum class State : std::uint8_t { open, done, failed };
  /// Written by the owner when it publishes; its state then by whoever took it.
  struct Place {
    std::atomic<Slot*> slot = nullptr;
    std::atomic<State> state = State::open;
  };
  struct Door {
    std::atomic<bool>& closed;
    ~Door() { closed = false; }
  };

  Place& place(std::uint64_t at) { return places_[at % kPlaces]; }
  const Place& place(std::uint64_t at) const { return places_[at % kPlaces]; }
  void pass_point() const {
    if (point_) point_();
  }
  template <class Finish>
  bool end(Place& head, const Finish& finish) {
    if (head.state == State::failed) return true;
    try {
      if (finish(*head.slot.load())) return true;
    } catch (...) {
      head.state = State::failed;
      throw;
    }
    held_ = true;
    return false;
  }

  const HandOverPoint& point_;
  std::array<Place, kPlaces> places_;
  std::uint64_t collected_ = 0;  ///< the owner's alone
  // Each on a cache line of its own: different threads write them.
  alignas(64) std::atomic<std::uint64_t> published_ = 0;  ///< only the owner writes it
  alignas(64) std::atomic<std::uint64_t> taken_ = 0;
  alignas(64) std::atomic<std::uint64_t> finished_ = 0;  ///< only who has the door closed writes it
  std::atomic<bool> finishing_ = false;
  std::atomic<bool> held_ = false;
};

}  // namespace adit::path
