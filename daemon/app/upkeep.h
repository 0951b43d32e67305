// SPDX-License-Identifier: MIT
// What a link needs beside its packets: knowing its own state, noticing that the network changed and calling again,
// keeping the MTU fit for the way to the peer, remembering where the peer is. Done now and then, never per packet.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "app/caller.h"
#include "app/data_path.h"
#include "app/event_log.h"
#include "app/health.h"
#include "app/host_setup.h"
#include "app/observations.h"
#include "app/state_store.h"
#include "net/netlink_monitor.h"

namespace adit::app {

class Upkeep {
 public:
  /// How often it looks at the link when nothing happens, and how often at most when much does.
  static constexpr Duration kLookInterval = std::chrono::seconds(5);
  static constexpr Duration kLookLimit = std::chrono::milliseconds(100);
  /// The route to the peer is looked up this often at most.
  static constexpr Duration kWayLimit = std::chrono::seconds(1);
  /// A change in the network that leaves the way to the peer as it was makes us call again this often at most; other
  /// people's routes may change all day. A handshake under way gets a moment to be answered first.
  static constexpr Duration kRetryLimit = std::chrono::seconds(5);
  static constexpr Duration kHandshakeMoment = std::chrono::seconds(1);
  static constexpr Duration kSaveLimit = std::chrono::seconds(5);

  /// All of them outlive it.
  struct Parts {
    const config::Config& config;
    std::uint32_t interface;
    net::EventLoop& loop;
    WallClock& wall_clock;
    spdlog::logger& log;
    EventLog& event_log;
    tunnel::Tunnel& tunnel;
    DataPath& data_path;
    HostSetup& host;
    Caller& caller;
    StateStore& store;
    std::function<void(const Health&)> told = {};  ///< hears the state each time it was looked at
  };
  explicit Upkeep(const Parts& parts);
  ~Upkeep();
  Upkeep(const Upkeep&) = delete;
  Upkeep& operator=(const Upkeep&) = delete;

  void event(const tunnel::Event& event, Instant now);
  /// The peer is called at another endpoint.
  void called() { way_due_ = eventful_ = true; }
  /// The configuration is another one: MTU and way are looked at again.
  void reloaded() { way_due_ = eventful_ = true; }
  void network_changed(const net::NetworkChange& change, Instant now);
  /// At the end of each turn of the loop.
  void turn_end(Instant now);

  /// The state as it is now; `since` tells when it began.
  const Health& look(Instant now);
  WallTime since() const { return since_; }
  const Observations& observations() const { return observations_; }

 private:
  void look_at_state(Instant now);
  void look_at_drops(Instant now);
  void look_at_way(Instant now);
  void fit_mtu(const net::RouteInfo& way);
  void check_uplink(const net::RouteInfo& way);
  void call_again_if_due(Instant now);
  void restore_interface();
  void remember_endpoint(Instant now);
  void plan_next_look(Instant now);

  Parts parts_;
  Health health_;
  Observations observations_;
  std::string resolver_error_;
  WallTime since_;
  bool since_told_ = false;
  bool eventful_ = true;
  Instant looked_at_;

  bool way_due_ = true;
  bool way_known_ = false;
  std::optional<net::RouteInfo> way_;
  Instant way_looked_at_{};
  std::string way_problem_;
  bool way_moved_ = false;
  std::uint32_t uplink_checked_ = 0;
  bool network_changed_ = false;
  Instant retried_at_{};
  Instant initiated_at_{};

  bool interface_was_down_ = false;
  std::string interface_problem_;

  Endpoint found_;  ///< where the peer was heard
  Endpoint saved_;
  Instant saved_at_{};

  net::Timer timer_;
};

}  // namespace adit::app
