// SPDX-License-Identifier: MIT
// What a link needs beside its packets: knowing its own state, noticing that the network changed and calling again,
// keeping the MTU fit for the way to the peer, remembering where the peer is. Done now and then, never per packet.
#pragma once

#include <functional>
#include <string>

#include "link/caller.h"
#include "link/endpoint_memory.h"
#include "link/event_log.h"
#include "link/full_tunnel.h"
#include "link/guard.h"
#include "link/health.h"
#include "link/jumps.h"
#include "link/observations.h"
#include "link/way.h"
#include "net/netlink_monitor.h"
#include "path/data_path.h"

namespace adit::link {

class Upkeep {
 public:
  /// How often it looks at the link when nothing happens, and how often at most when much does.
  static constexpr Duration kLookInterval = std::chrono::seconds(5);
  static constexpr Duration kLookLimit = std::chrono::milliseconds(100);
  /// A change in the network that leaves the way to the peer as it was makes us call again this often at most; other
  /// people's routes may change all day. A handshake under way gets a moment to be answered first.
  static constexpr Duration kRetryLimit = std::chrono::seconds(5);
  static constexpr Duration kHandshakeMoment = std::chrono::seconds(1);

  /// All of them outlive it.
  struct Parts {
    const config::Config& config;
    std::uint32_t interface;
    net::EventLoop& loop;
    WallClock& wall_clock;
    Log& log;
    EventLog& event_log;
    tunnel::Tunnel& tunnel;
    path::DataPath& data_path;
    host::HostSetup& host;
    Caller& caller;
    service::StateStore& store;
    std::function<void(const Health&)> told = {};      ///< hears the state each time it was looked at
    std::function<std::string()> beside = {};          ///< what else is not as it should be; empty: nothing
    std::function<std::string()> uplink_problem = {};  ///< as Uplink::problem
  };
  explicit Upkeep(const Parts& parts);
  Upkeep(const Upkeep&) = delete;
  Upkeep& operator=(const Upkeep&) = delete;

  void event(const tunnel::Event& event, Instant now);
  /// The peer is called at another endpoint.
  void called() { look_around(); }
  /// The configuration is another one: MTU and way are looked at again.
  void reloaded() {
    full_tunnel_.look_again();
    look_around();
  }
  void network_changed(const net::NetworkChange& change, Instant now);
  /// Somebody moved the interface to `place`, where it goes on working.
  void interface_moved(const std::string& interface, const std::string& place);
  /// Somebody gave it another name.
  void interface_renamed(const std::string& before, const std::string& now);
  /// At the end of each turn of the loop.
  void turn_end(Instant now);

  /// The state as it is now; `since` tells when it began.
  const Health& look(Instant now);
  WallTime since() const { return since_; }
  /// The peer's, when the way there leads into the tunnel: nothing is to be sent there.
  std::optional<IpAddress> led_into_itself() const {
    return way_.problem().empty() ? std::nullopt : std::optional(parts_.tunnel.path().remote.address);
  }
  PathReport path() const { return way_.path(); }
  const Observations& observations() const { return observations_; }
  const PutBack& put_back() const { return guard_.put_back(); }
  const std::vector<std::string>& bypasses() const { return full_tunnel_.bypasses(); }

 private:
  void look_at_state(Instant now);
  void look_at_drops(Instant now);
  void look_at_refusals(Instant now);
  void look_at_refusal_elsewhere(Instant now);
  void look_at_move(const tunnel::EndpointMoved& moved, Instant now);
  void look_around() {
    way_.ask_again();
    eventful_ = true;
  }
  void call_again_if_due(Instant now);
  void plan_next_look(Instant now);
  void note_failure(Surroundings& surroundings) const;
  std::string left_out() const;

  /// Calling the peer again because the network changed.
  struct Recall {
    bool wanted = false;
    Instant done_at;
    Instant initiated_at{};
  };

  /// What the kernel would not send.
  struct Refusals {
    std::optional<Instant> since;            ///< of all that went to the peer; none: it was taken
    std::optional<path::Refusal> elsewhere;  ///< that was told
  };

  Parts parts_;
  Way way_;
  EndpointMemory memory_;
  Health health_;
  Observations observations_;
  Jumps jumps_;
  std::string resolver_error_;
  Refusals refusals_;
  WallTime since_;
  bool since_told_ = false;
  bool eventful_ = true;
  Instant looked_at_;
  Recall recall_;
  Guard guard_;
  FullTunnel full_tunnel_;
  net::Timer timer_;
};

}  // namespace adit::link
