// SPDX-License-Identifier: MIT
// How large a packet may be so that it passes the way to the peer in one piece, found out by asking (packetization
// layer path MTU discovery, RFC 8899), since routers that say so are not to be relied on.
//
//   searching    what the route allows is asked for first: mostly it passes, and that is all. Where it does not,
//   smaller
//                ones are, upward from the largest that passes: an answer is there in a moment, a loss takes its time
//   working      it is known. While large packets are sent it is asked for again and again, since a way may narrow
//                without a word; where it is less than the route allows, more is tried every ten minutes
//   unanswered   the peer answers no question, not even a small one: nothing can be known, and the route is believed
//
// A size that does not pass counts as such when it was lost three times while others came through; where those are lost
// now and then, too, it takes more. With nothing coming through at all, nothing is learned: what came through before is
// no proof that the way was there when the size was asked for.
//
// Sizes are inner packets', as the MTU counts. No clock, no packets: sizes to be asked for go out, answers come in.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/time.h"

namespace adit::link {

class PathSearch {
 public:
  static constexpr Duration kProbeTime = std::chrono::seconds(1);  ///< for an answer, at least (RFC 8899 §5.1.1)
  static constexpr Duration kLongestProbeTime = std::chrono::seconds(5);
  static constexpr unsigned kMaxProbes = 3;           ///< RFC 8899's MAX_PROBES
  static constexpr unsigned kMaxProbesWhenLossy = 8;  ///< where others are lost as well
  static constexpr unsigned kMaxProbesInSilence = 6;  ///< where nothing comes through at all
  static constexpr Duration kConfirmTime = std::chrono::seconds(2);
  static constexpr Duration kRaiseTime = std::chrono::minutes(10);  ///< RFC 8899's PMTU_RAISE_TIMER
  static constexpr Duration kLongestSilence = std::chrono::seconds(30);
  /// Nothing was sent or received for this long: the link is idle.
  static constexpr Duration kIdleAfter = std::chrono::seconds(10);
  static constexpr Duration kPutOff = std::chrono::milliseconds(100);
  /// Less is not worth another question.
  static constexpr std::uint32_t kGranularity = 8;
  /// Usual sizes are no further apart, below that of Ethernet.
  static constexpr std::uint32_t kNear = 64;

  enum class State : std::uint8_t { searching, working, unanswered };

  struct Bounds {
    std::uint32_t top = 0;       ///< what the route allows
    std::uint32_t overhead = 0;  ///< of an outer packet over the inner one
    std::uint32_t smallest = 0;  ///< size of a question with nothing behind it
    friend bool operator==(const Bounds&, const Bounds&) = default;
  };

  /// Another way: nothing is known of it.
  void begin(const Bounds& bounds, Instant now);
  /// The same way, and the route allows something else now.
  void limit(const Bounds& bounds, Instant now);
  /// Packets passed, large ones among those sent.
  void note_data(bool large, Instant now);

  void answered(std::uint32_t size, Duration round_trip, Instant now);
  /// Our own kernel would not send it.
  void refused(std::uint32_t size, Instant now);

  /// What to ask for now; may be nothing. `idle_interval`: between two questions while the link is idle; none: no
  /// question then.
  const std::vector<std::uint32_t>& tick(Instant now, std::optional<Duration> idle_interval);
  /// What `tick` gave last could not be asked for.
  void put_off(Instant now);
  /// When `tick` has something to do, after it has had its turn at `now`; Instant::max(): only when something happens.
  Instant deadline(Instant now, std::optional<Duration> idle_interval) const;
  /// From when on data that passes is reason to call `tick`, whatever the deadline.
  Instant data_due() const;

  State state() const;
  /// The largest that is believed to pass: what the route allows until more is known.
  std::uint32_t size() const { return size_; }
  /// Nothing is open.
  bool settled() const { return !trial_.running && searched_; }
  /// No step on the way: what is larger does not pass, or not by much.
  bool sure() const { return settled() || (low_ != 0 && low_ == size_ && high_ - low_ <= kNear); }
  /// A question was not answered in time: the kernel may know why.
  bool in_doubt() const { return trial_.running && trial_.tries > 1; }

 private:
  /// A size under test, and those asked for beside it.
  struct Trial {
    bool running = false;
    bool confirms = false;  ///< what is in use, or is about to be
    std::uint32_t target = 0;
    unsigned rounds = 0;
    unsigned tries = 0;    ///< rounds in which the target was asked for, and something came through
    unsigned quiet = 0;    ///< rounds in which controls were asked for, since one was answered last
    bool refused = false;  ///< by our own kernel: there is no need to ask for it again
    Instant round_end{};
    struct Control {
      std::uint32_t size = 0;
      unsigned asked = 0;
      unsigned answered = 0;
    };
    std::vector<Control> controls;                            ///< smaller ones, ascending
    std::uint32_t best() const;                               ///< the largest control that was answered; 0: none was
    bool lossy() const;                                       ///< one no larger than that was lost
    bool silent() const { return best() == 0 || quiet > 0; }  ///< nothing came through lately
    bool decided() const;
    void hear(std::uint32_t size);
  };

  void start(std::uint32_t target, bool confirms, Instant now);
  void finish(Instant now);
  void passed(std::uint32_t size, Instant now);
  void died(Instant now);
  void silent(Instant now);
  bool choose_trial(Instant now);
  std::uint32_t next_candidate() const;
  std::vector<std::uint32_t> ladder(std::uint32_t above, std::uint32_t below) const;
  bool idle(Instant now) const { return now - at_.data >= kIdleAfter; }
  Duration probe_time() const;

  Bounds bounds_;
  std::uint32_t size_ = 0;
  std::uint32_t low_ = 0;   ///< passes; 0: nothing is known to
  std::uint32_t high_ = 0;  ///< does not pass, or is not allowed
  bool answers_ = false;    ///< the peer has answered on this way
  bool gave_up_ = false;
  bool searched_ = false;  ///< there is no candidate left
  Trial trial_;
  Trial before_;  ///< the last round
  Duration round_trip_{};
  Duration silence_{};  ///< until the next try, while nothing comes through
  struct Times {
    Instant asked{};
    Instant raise = Instant::max();
    Instant quiet_until{};
    Instant confirm{};
    Instant data{};
  } at_;
  bool large_sent_ = false;
  std::vector<std::uint32_t> ask_;
};

}  // namespace adit::link
