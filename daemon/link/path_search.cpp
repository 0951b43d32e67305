// SPDX-License-Identifier: MIT
#include "link/path_search.h"

#include <algorithm>
#include <array>
#include <utility>

namespace adit::link {
namespace {

/// Sizes of whole outer packets that ways are made for: the least of IPv4 and of IPv6, what carries 1,280 bytes inside,
/// tunnels of others, PPPoE, Ethernet, FDDI and jumbo frames.
constexpr std::array<std::uint32_t, 10> kUsualSizes = {576, 1280, 1340, 1400, 1454, 1480, 1492, 1500, 4352, 9000};

}  // namespace

std::uint32_t PathSearch::Trial::best() const {
  std::uint32_t best = 0;
  for (const auto& control : controls) {
    if (control.answered > 0) best = std::max(best, control.size);
  }
  return best;
}

bool PathSearch::Trial::lossy() const {
  return std::ranges::any_of(controls, [largest = best()](const Control& control) {
    return control.size <= largest && control.answered < control.asked;
  });
}

/// What is lost while others are lost, too, takes more tries; and the others must have had their chance.
bool PathSearch::Trial::decided() const {
  if (silent()) return (best() == 0 ? tries : quiet) >= kMaxProbesInSilence;
  if (tries < (lossy() ? kMaxProbesWhenLossy : kMaxProbes)) return false;
  return std::ranges::all_of(controls, [](const Control& control) { return control.asked > 1; });
}

/// What was lost while nothing came through says nothing about its size.
void PathSearch::Trial::hear(std::uint32_t size) {
  for (auto& control : controls) {
    if (control.size != size) continue;
    control.answered += 1;
    if (quiet > 1) tries = std::max(tries, quiet) - (quiet - 1);
    quiet = 0;
  }
}

void PathSearch::begin(const Bounds& bounds, Instant now) {
  if (bounds_.top == 0) at_.asked = at_.data = now - kRaiseTime;
  bounds_ = bounds;
  size_ = bounds.top;
  low_ = 0;
  high_ = bounds.top + 1;
  answers_ = gave_up_ = searched_ = false;
  round_trip_ = silence_ = {};
  at_.quiet_until = now;
  at_.raise = Instant::max();
  start(bounds.top, true, now);
}

void PathSearch::limit(const Bounds& bounds, Instant now) {
  if (bounds == bounds_) return;
  if (bounds.overhead != bounds_.overhead || bounds.smallest != bounds_.smallest) return begin(bounds, now);
  bounds_ = bounds;
  high_ = bounds.top + 1;
  low_ = std::min(low_, bounds.top);
  // The kernel is believed at once when it says less; when it says more only by those who have nothing better.
  if (bounds.top < size_ || !answers_) size_ = bounds.top;
  searched_ = false;
  start(bounds.top, size_ == bounds.top, now);
}

void PathSearch::note_data(bool large, Instant now) {
  at_.data = now;
  large_sent_ |= large;
}

void PathSearch::start(std::uint32_t target, bool confirms, Instant now) {
  trial_ = {};
  trial_.running = true;
  trial_.confirms = confirms;
  trial_.target = target;
  trial_.round_end = now;
  if (confirms) {
    trial_.controls.push_back({.size = bounds_.smallest});
    for (const auto size : ladder(bounds_.smallest, target)) trial_.controls.push_back({.size = size});
  } else {
    trial_.controls.push_back({.size = std::max(low_, bounds_.smallest)});
  }
}

Duration PathSearch::probe_time() const {
  return std::clamp(round_trip_ * 3, kProbeTime, kLongestProbeTime);
}

const std::vector<std::uint32_t>& PathSearch::tick(Instant now, std::optional<Duration> idle_interval) {
  ask_.clear();
  if (trial_.running && now >= trial_.round_end && trial_.decided()) finish(now);
  if (!trial_.running && !choose_trial(now)) return ask_;
  if (now < trial_.round_end || now < at_.quiet_until) return ask_;
  const bool alone = idle(now);
  if (alone && (!idle_interval || now - at_.asked < *idle_interval)) return ask_;
  // The rest takes many questions, and nobody is waiting for it.
  if (alone && trial_.tries >= kMaxProbes && trial_.best() > 0) return ask_;

  before_ = trial_;
  // The first question goes alone: mostly it is answered. While the link is idle each does.
  const bool others = trial_.rounds > 0;
  const bool target = !alone || trial_.rounds % 2 == 0;
  if (target && !trial_.refused) ask_.push_back(trial_.target);
  for (auto& control : trial_.controls) {
    const bool smallest = &control == &trial_.controls.front();
    if (!others || (alone && (target || !smallest)) || (silence_ > Duration{} && !smallest)) continue;
    if (&control == &trial_.controls.front()) trial_.quiet += 1;
    control.asked += 1;
    ask_.push_back(control.size);
  }
  trial_.rounds += 1;
  trial_.tries += target ? 1 : 0;
  trial_.round_end = now + probe_time();
  at_.asked = now;
  return ask_;
}

void PathSearch::put_off(Instant now) {
  if (!trial_.running) return;
  trial_ = before_;
  trial_.round_end = now + kPutOff;
}

void PathSearch::finish(Instant now) {
  trial_.running = false;
  if (trial_.silent()) {
    answers_ |= trial_.best() != 0;
    silent(now);
  } else {
    died(now);
  }
}

void PathSearch::passed(std::uint32_t size, Instant now) {
  trial_.running = false;
  answers_ = true;
  gave_up_ = false;
  silence_ = {};
  low_ = std::max(low_, size);
  high_ = std::max(high_, low_ + 1);
  size_ = low_;
  large_sent_ = false;
  at_.confirm = now + kConfirmTime;
}

/// Others came through, and this one did not.
void PathSearch::died(Instant now) {
  answers_ = true;
  silence_ = {};
  high_ = trial_.target;
  const auto best = trial_.best();
  if (trial_.confirms) {
    low_ = size_ = best;
    for (const auto& control : trial_.controls) {
      if (control.size > best && !trial_.lossy()) high_ = std::min(high_, control.size);
    }
    searched_ = false;
  }
  at_.confirm = now + kConfirmTime;
}

void PathSearch::silent(Instant now) {
  if (!answers_) {
    gave_up_ = searched_ = true;
    size_ = bounds_.top;
    at_.raise = now + kRaiseTime;
    return;
  }
  // The peer or the way there is gone for the time being, and that is not for us to mend.
  silence_ = std::clamp(silence_ * 2, kConfirmTime, kLongestSilence);
  at_.quiet_until = now + silence_;
  start(size_, true, at_.quiet_until);
}

bool PathSearch::choose_trial(Instant now) {
  if (!searched_) {
    if (const auto candidate = next_candidate()) {
      start(candidate, false, now);
      return true;
    }
    searched_ = true;
    at_.raise = low_ < bounds_.top ? now + kRaiseTime : Instant::max();
  }
  if (now >= at_.raise) {
    high_ = bounds_.top + 1;
    searched_ = false;
    at_.raise = Instant::max();
    start(bounds_.top, gave_up_, now);
    return true;
  }
  if (large_sent_ && !gave_up_ && now >= at_.confirm) {
    start(size_, true, now);
    return true;
  }
  return false;
}

std::uint32_t PathSearch::next_candidate() const {
  if (low_ >= bounds_.top || high_ <= low_ + kGranularity) return 0;
  // All of them allowed and nothing lost yet: the route is asked first.
  if (high_ > bounds_.top) return bounds_.top;
  const auto usual = ladder(low_, high_);
  return usual.empty() ? low_ + (high_ - low_) / 2 : usual.front();
}

std::vector<std::uint32_t> PathSearch::ladder(std::uint32_t above, std::uint32_t below) const {
  std::vector<std::uint32_t> sizes;
  for (const auto outer : kUsualSizes) {
    const auto size = outer > bounds_.overhead ? outer - bounds_.overhead : 0;
    if (size > above && size < below) sizes.push_back(size);
  }
  return sizes;
}

void PathSearch::answered(std::uint32_t size, Duration round_trip, Instant now) {
  round_trip_ = round_trip;
  silence_ = {};
  if (size > bounds_.top) return;
  if (trial_.running && size >= trial_.target) return passed(size, now);
  if (trial_.running) trial_.hear(size);
  // Late, and still true: what was given up did pass.
  if (!trial_.running && size > low_) passed(size, now);
}

void PathSearch::refused(std::uint32_t size, Instant now) {
  if (!trial_.running || size != trial_.target) return;
  high_ = size;
  if (!trial_.confirms) {
    trial_.running = false;
    return;
  }
  if (std::exchange(trial_.refused, true)) return;
  trial_.rounds = std::max(trial_.rounds, 1u);
  trial_.round_end = now;
}

Instant PathSearch::deadline(Instant now, std::optional<Duration> idle_interval) const {
  if (!trial_.running && searched_) return large_sent_ && !gave_up_ ? std::min(at_.raise, at_.confirm) : at_.raise;
  // What was due while we were suspended, or late, is put off like anything else if the link is idle by now.
  const auto due = std::max(data_due(), now);
  if (!idle(due)) return due;
  if (!idle_interval || (trial_.tries >= kMaxProbes && trial_.best() > 0)) return Instant::max();
  return std::max(due, at_.asked + *idle_interval);
}

Instant PathSearch::data_due() const {
  if (trial_.running || !searched_) return std::max(trial_.running ? trial_.round_end : Instant{}, at_.quiet_until);
  return gave_up_ ? at_.raise : at_.confirm;
}

PathSearch::State PathSearch::state() const {
  if (gave_up_) return State::unanswered;
  return answers_ && low_ > 0 ? State::working : State::searching;
}

}  // namespace adit::link
