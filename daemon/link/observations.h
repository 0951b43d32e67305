// SPDX-License-Identifier: MIT
// What a link has noticed lately that somebody may have to do something about: the last of each kind, with where it
// came from and how often it was. States tell what is; these tell what was, also on a link that is up. A flood of one
// kind hides no other, and all of them together take no more room than there are kinds.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip.h"
#include "tunnel/event.h"
#include "tunnel/status.h"

namespace adit::link {

struct Observation {
  std::string_view kind;  ///< the name of a drop reason, or one of our own
  std::string sentence;
  Endpoint from;  ///< whom it concerns; may be unknown
  std::uint64_t count = 0;
  WallTime last;
};

class Observations {
 public:
  /// Strangers can cause as many of these as they like: nothing is put into words before somebody asks.
  void handshake_refused(const tunnel::HandshakeRefused& event, WallTime now);
  struct Disallowed {
    tunnel::DropReason reason{};
    std::string sentence;
  };
  /// Packets that peer.allowed_ips did not let through since this was called last.
  std::vector<Disallowed> disallowed(const tunnel::Status& status, WallTime now);
  /// `refused`: datagrams so far. `error`: of the last, in words.
  void send_failed(const Endpoint& to, const std::string& error, std::uint64_t refused, WallTime now);
  void unresolved(const std::string& name, const std::string& error, WallTime now);
  void interface_moved(const std::string& sentence, WallTime now);
  void interface_renamed(const std::string& sentence, WallTime now);
  /// True for the first of its kind.
  bool endpoint_jumps(const std::string& sentence, const Endpoint& to, WallTime now);

  /// The last one first.
  std::vector<Observation> list() const;

 private:
  /// How often it was noted, with this.
  std::uint64_t note(std::string_view kind, std::string sentence, const Endpoint& from, std::uint64_t times,
                     WallTime now);
  /// By how much a counter grew since the last look at it.
  static std::uint64_t growth(std::uint64_t& seen, std::uint64_t counter);

  struct Refused {
    tunnel::HandshakeProblem last;
    std::uint64_t count = 0;
  };

  std::vector<Observation> kept_;
  std::array<Refused, tunnel::kDropReasons> refused_{};
  std::uint64_t sources_ = 0;
  std::uint64_t destinations_ = 0;
  std::uint64_t sends_ = 0;
};

/// What a packet says that peer.allowed_ips did not let through; `address` is the peer's side of it.
std::string explain_disallowed_source(const IpAddress& address);
std::string explain_disallowed_destination(const IpAddress& address);
std::string explain_send_failure(const Endpoint& to, const std::string& error);

}  // namespace adit::link
