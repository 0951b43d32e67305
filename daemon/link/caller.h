// SPDX-License-Identifier: MIT
// Finds out where to call the peer and says so: keeps asking for the names in peer.endpoint until they have addresses,
// for ever, asks again when the peer falls silent, and lets Endpoints decide among them. Never waits for anything.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/log.h"
#include "config/config.h"
#include "link/endpoints.h"
#include "net/retrying_resolver.h"
#include "tunnel/event.h"

namespace adit::link {

struct CallerOptions {
  std::vector<config::EndpointName> names;
  std::optional<Endpoint> remembered;
  net::ResolverOptions resolver;
  bool has_v4 = true;  ///< there is a socket for it
  bool has_v6 = true;
  /// local.device, when it lists several: their numbers in the order of preference, 0 for one that cannot be used now.
  std::function<std::vector<std::uint32_t>()> uplinks = {};
  /// Why an address that a name server gave can be no peer; empty: it can. What is written as an address is taken.
  std::function<std::string(const IpAddress&)> why_not = {};
};

class Caller {
 public:
  /// How long a remembered or less preferred endpoint is held back for a name that is being resolved.
  static constexpr Duration kHeadStart = std::chrono::seconds(1);
  /// Names are asked for again this long after the last time at the soonest: while the peer does not answer, which
  /// doubles up to the second; when it is silent, which may mean nothing; while it is tried to return to one of them.
  static constexpr Duration kAskGap = std::chrono::seconds(5);
  static constexpr Duration kLongestAskGap = std::chrono::seconds(60);
  static constexpr Duration kQuietAskGap = std::chrono::seconds(60);
  static constexpr Duration kReturnAskGap = std::chrono::seconds(120);
  /// A call that a preferred endpoint has not answered by then stays where it is, for now.
  static constexpr Duration kReturnMoment = std::chrono::milliseconds(100);

  /// What it does; called from the loop, or from within start and event.
  struct Phone {
    std::function<Endpoints::Line()> line;      ///< how the call stands
    std::function<void(const Endpoint&)> call;  ///< makes a new one
    std::function<void(const Endpoints::Try&)>
        try_also;                     ///< goes on with the one there is until somebody answers there
    std::function<void()> stay = {};  ///< tells the peer where the call is, if it can
  };
  Caller(net::EventLoop& loop, RandomSource& random, Log& log, CallerOptions options, Phone phone);
  Caller(const Caller&) = delete;
  Caller& operator=(const Caller&) = delete;

  /// Calls somebody if nobody is called yet. Whoever is called by an interface that is none of the uplinks is called by
  /// one of them at once; by none, as long as none can be used.
  void start();
  void event(const tunnel::Event& event, Instant now);
  /// Interfaces came or went: an address that is meant on one of them, and could not be had, is looked for again. When
  /// the one that the peer was reached by is of no use any more, it is called by another one at once.
  void links_changed();
  /// Routes, addresses or interfaces did: what no name server could be asked for may be known now. Other people's
  /// change all day, so this counts every kAskGap at most.
  void network_changed();
  /// Our datagrams take another way to the peer: there a name may mean another place. Every kAskGap at most.
  void way_moved();
  /// Asks for all names, whoever is called: an endpoint that answers is kept all the same.
  void ask_now();

  /// How many endpoints are tried while the one that is called does not answer.
  std::size_t others() const { return endpoints_.others_than(phone_.line().remote); }
  /// HOST:PORT of the first name without an address; empty when there is none.
  std::string unresolved() const;
  /// Why it has none; empty while nothing went wrong.
  std::string error() const;

 private:
  struct Name {
    config::EndpointName name;
    std::unique_ptr<net::RetryingResolver> resolver;
    bool resolved = false;
    std::string error;
    std::vector<Endpoint> addresses = {};
  };

  void resolve_all();
  void ask_again(Duration gap);
  void try_others();
  void stay_if_unanswered();
  void plan();
  void resolve(std::size_t index);
  void found(std::size_t index, const net::Resolved& resolved);
  void offer(std::size_t index);
  void unresolved(std::size_t index);
  void failed(std::size_t index, const std::string& error);
  bool can_call(const Endpoint& endpoint) const;
  std::string why_not(const config::EndpointName& name, const Endpoint& endpoint) const;
  void call_if(const std::optional<Endpoint>& endpoint);
  const Name* first_unresolved() const;

  net::EventLoop& loop_;
  Log& log_;
  CallerOptions options_;
  Phone phone_;
  std::size_t ways_;  ///< to each address: one for each uplink
  Endpoints endpoints_;
  std::vector<Name> names_;
  net::Timer head_start_;
  net::Timer next_try_;
  net::Timer stay_;
  Endpoint stays_at_;
  Instant asked_at_;
  std::optional<Instant> hurried_at_;  ///< for a change in the network
  Duration ask_gap_ = kAskGap;
  std::optional<Instant> quiet_at_;  ///< when names were asked for since the peer was
};

}  // namespace adit::link
