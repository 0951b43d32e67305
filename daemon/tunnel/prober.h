// SPDX-License-Identifier: MIT
// Questions to the peer inside the session, which any WireGuard end answers: an ICMP echo request (RFC 792, RFC 4443)
// from our tunnel address to the peer's, and zeros behind it up to the size under test. A receiver trims a packet to
// the length in its own header (paper §5.4.6), so the question is large on the way there and its answer small on the
// way back: each direction is measured by the end that sends into it.
//
// Makes the requests and knows their answers; does not know why anybody asks, nor when.
#pragma once

#include <array>
#include <optional>
#include <vector>

#include "base/ip.h"
#include "base/random.h"
#include "base/time.h"

namespace adit::tunnel {

/// Who asks whom, by tunnel addresses of one family.
struct ProbeEnds {
  IpAddress ours;
  IpAddress peers;
  friend bool operator==(const ProbeEnds&, const ProbeEnds&) = default;
};

/// The first of `addresses` (an interface's) whose other end is known: from `peers`, of which the n-th of a family
/// belongs to the n-th address of that family, or since its subnet has room for two hosts only.
std::optional<ProbeEnds> find_probe_ends(std::span<const IpNetwork> addresses, std::span<const IpAddress> peers);

/// What became of the questions so far. A size is the one asked with.
struct ProbeReport {
  std::uint64_t asked = 0;
  std::uint64_t answered = 0;
  std::uint64_t refused = 0;  ///< by our own kernel: larger than anything the way out carries
  std::optional<Instant> asked_at;
  std::optional<Instant> answered_at;
  std::uint32_t asked_size = 0;
  std::uint32_t answered_size = 0;
  std::optional<Duration> round_trip;  ///< of the last one answered
};

class Prober {
 public:
  /// So many questions can be open; older ones are given up, and an answer to them is no longer known.
  static constexpr std::size_t kOpen = 32;
  /// Of a request with nothing behind it.
  static constexpr std::size_t kSmallest4 = 20 + 8 + 16;
  static constexpr std::size_t kSmallest6 = 40 + 8 + 16;

  /// `random` must outlive the prober.
  explicit Prober(RandomSource& random) : random_(random) {}

  /// None: nobody can be asked.
  void set_ends(const std::optional<ProbeEnds>& ends);
  const std::optional<ProbeEnds>& ends() const { return ends_; }

  /// An IP packet, zeros behind it up to `size` bytes, and `slack` more. There must be ends.
  std::vector<std::uint8_t> ask(std::size_t size, std::size_t slack, Instant now);

  struct Answer {
    std::uint32_t size = 0;  ///< of the question
    Duration round_trip{};
  };
  /// `packet`: one the peer sent, without padding. None: it answers nothing we asked, or answers it once more.
  std::optional<Answer> take(Bytes packet, Instant now);

 private:
  struct Question {
    std::uint64_t cookie = 0;
    std::uint32_t size = 0;  ///< 0: none
    Instant asked{};
  };

  RandomSource& random_;
  std::optional<ProbeEnds> ends_;
  std::uint16_t identifier_ = 0;
  std::uint16_t sequence_ = 0;  ///< of the next question, which lies at that number modulo kOpen
  std::array<Question, kOpen> open_{};
};

}  // namespace adit::tunnel
