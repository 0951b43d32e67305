// SPDX-License-Identifier: MIT
// Where to call the peer: the addresses that the names in peer.endpoint have, in the user's order, and the place where
// the peer was last found alive. Pure decisions; resolving names and calling are the Caller's.
//
// An endpoint is kept as long as it answers. When it does not, each candidate in turn gets a few handshakes; at the end
// of the list the names are asked again, and it starts over.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/ip.h"
#include "base/time.h"

namespace adit::link {

class Endpoints {
 public:
  /// Handshakes an endpoint may leave unanswered before the next one has its turn, and the least time they take.
  static constexpr std::uint32_t kPatience = 3;
  static constexpr Duration kPatienceTime = std::chrono::seconds(15);

  /// How the call stands.
  struct Line {
    Endpoint remote;     ///< as it is called now; none: nobody is
    bool alive = false;  ///< the peer has answered there and nothing says that it no longer would
  };

  struct Advice {
    std::optional<Endpoint> call;
    bool resolve = false;  ///< every candidate has had its turn: ask for the names again
  };

  /// `names`: how many there are. `remembered`: where an earlier run last found the peer.
  Endpoints(std::size_t names, std::optional<Endpoint> remembered)
      : names_(names), found_(remembered), waited_(names == 0) {}

  /// Whom to call when nobody is called yet; nothing while a name that is preferred is still being asked for.
  std::optional<Endpoint> first() const;

  /// `name` has these addresses now. Returns whom to call instead of line.remote, if anybody.
  std::optional<Endpoint> resolved(std::size_t name, std::span<const Endpoint> addresses, const Line& line);
  /// `name` cannot be resolved for now: the others need not wait for it.
  std::optional<Endpoint> unresolved(std::size_t name, const Line& line);
  /// Names have had time enough: call whoever is known.
  std::optional<Endpoint> stop_waiting(const Line& line);

  Advice initiation_sent(const Endpoint& to, bool alive, Instant now);
  /// The peer was heard from there: authentic.
  void found(const Endpoint& peer) { found_ = peer; }

 private:
  struct Name {
    std::vector<Endpoint> addresses;
    bool asked = false;  ///< an answer or an error has come
  };

  std::vector<Endpoint> candidates() const;
  std::optional<Endpoint> call_if_nobody(const Line& line) const;

  std::vector<Name> names_;
  std::optional<Endpoint> found_;
  bool waited_;

  Endpoint tried_;  ///< gets its turn now
  std::uint32_t tries_ = 0;
  Instant tried_since_{};
};

}  // namespace adit::link
