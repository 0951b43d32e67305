// SPDX-License-Identifier: MIT
// Where to call the peer: the addresses that the names in peer.endpoint have, in the user's order, and the place where
// the peer was last found alive. Pure decisions; resolving names and calling are the Caller's.
//
// One endpoint is called; that one is kept as long as it answers. When it does not, the others are tried beside it, one
// a moment after the other as RFC 8305 has it, and the first that answers is the one from then on (Tunnel::try_also).
// As long as that belongs to a later name, the earlier ones are tried now and then, and it goes back when one answers.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <vector>

#include "base/ip.h"
#include "base/time.h"

namespace adit::link {

class Endpoints {
 public:
  /// Between one try and the next: at first (RFC 8305 §5), and at most as it doubles from one round to the next. A peer
  /// takes 20 initiations a second from an address of ours; it gets 4, for as long as the first round lasts.
  static constexpr Duration kStagger = std::chrono::milliseconds(250);
  static constexpr Duration kLongestStagger = std::chrono::seconds(2);
  /// The same while there is hope for the endpoint that was good so far: it is called once more first.
  static constexpr Duration kBenefitOfDoubt = std::chrono::seconds(1);
  /// How long to stay before the preferred one is tried; it doubles each time that one does not last for kLasting.
  static constexpr Duration kHoldDown = std::chrono::seconds(30);
  static constexpr Duration kLongestHoldDown = std::chrono::minutes(10);
  static constexpr Duration kLasting = std::chrono::minutes(10);
  /// Preferred endpoints tried at a time.
  static constexpr std::size_t kReturns = 4;
  /// Addresses of one name that are looked at.
  static constexpr std::size_t kMaxAddresses = 32;

  /// How the call stands.
  struct Line {
    Endpoint remote;             ///< as it is called now; none: nobody is
    bool alive = false;          ///< the peer has answered there and nothing says that it no longer would
    bool heard = false;          ///< from there, a moment ago
    bool quiet = false;          ///< data has no answer yet
    std::uint32_t attempts = 0;  ///< to call, without an answer so far
  };

  struct Try {
    Endpoint to;
    bool rather = false;  ///< an answer from there is preferred to any other
    friend bool operator==(const Try&, const Try&) = default;
  };

  /// `names`: how many there are. `remembered`: where an earlier run last found the peer.
  Endpoints(std::size_t names, std::optional<Endpoint> remembered)
      : names_(names), found_(remembered), waited_(names == 0) {}

  /// Whom to call when nobody is called yet; nothing while a name that is preferred is still being asked for.
  std::optional<Endpoint> first() const;

  /// `name` has these addresses now. Returns whom to call if nobody is called yet; who is new and worth a try has it
  /// soon.
  std::optional<Endpoint> resolved(std::size_t name, std::span<const Endpoint> addresses, const Line& line,
                                   Instant now);
  /// `name` cannot be resolved for now: the others need not wait for it.
  std::optional<Endpoint> unresolved(std::size_t name, const Line& line);
  /// Names have had time enough: call whoever is known.
  std::optional<Endpoint> stop_waiting(const Line& line);

  /// line.remote is being called.
  void called(const Line& line, Instant now);
  /// The peer was heard from there: authentic. `answered`: and hears us.
  void found(const Endpoint& peer, bool answered, Instant now);

  /// How many there are that can be tried beside `remote`.
  std::size_t others_than(const Endpoint& remote) const { return others(remote).size(); }
  /// When take_try has somebody; none: nobody is to be tried.
  std::optional<Instant> next_try() const;
  std::optional<Try> take_try(const Line& line, Instant now);

 private:
  struct Name {
    std::vector<Endpoint> addresses;
    bool asked = false;  ///< an answer or an error has come
  };
  /// Endpoints that have their turn, one after the other.
  struct Round {
    std::deque<Try> waiting;
    Instant next{};
    Duration stagger = kStagger;
    std::uint32_t number = 0;  ///< since the peer was last found
    Endpoint last;             ///< who had the last turn
  };
  /// Going back to who is preferred.
  struct Return {
    std::optional<Instant> due;
    Duration hold_down = kHoldDown;
    std::optional<Instant> returned_at;
  };

  std::vector<Endpoint> candidates() const;
  std::vector<Endpoint> others(const Endpoint& remote) const;
  std::vector<Endpoint> preferred_to(const Endpoint& remote) const;
  std::size_t rank_of(const Endpoint& endpoint) const;
  std::optional<Endpoint> call_if_nobody(const Line& line) const;
  void settle(const Endpoint& peer, Instant now);
  void try_to_return(const Line& line, Instant now);

  std::vector<Name> names_;
  std::optional<Endpoint> found_;
  bool waited_;
  Round round_;
  Return return_;
};

}  // namespace adit::link
