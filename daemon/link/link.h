// SPDX-License-Identifier: MIT
// One link, alive: the protocol machine, the way of its packets, who is called where, and what keeps it well, put
// together. Everything here is of one pair of ends: for other ends a new one is made.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "link/caller.h"
#include "link/edit.h"
#include "link/preshared_key_watch.h"
#include "link/timestamp_keeper.h"
#include "link/upkeep.h"
#include "link/uplink.h"
#include "link/zone.h"
#include "path/offload_state.h"
#include "path/pump.h"
#include "service/key_log.h"

namespace adit::link {

class Link {
 public:
  /// All of them outlive it.
  struct Parts {
    const config::Config& config;  ///< that is in force; a new one is told by `adopt`
    net::EventLoop& loop;
    RandomSource& random;
    WallClock& wall_clock;
    Log& log;
    EventLog& event_log;
    path::Doors& doors;
    host::HostSetup& host;
    service::StateStore& store;
    TimestampKeeper& timestamps;
    service::KeyLog* key_log = nullptr;            ///< sees the link's keys
    std::function<void(const Health&)> told = {};  ///< hears the state each time it was looked at
    std::function<std::string()> beside = {};      ///< as Upkeep::Parts has it
  };
  using Machine = std::unique_ptr<tunnel::Tunnel>;

  /// The protocol machine for `config`, whose keys it takes. Fails for a peer key no handshake can be had with.
  static Result<Machine> make_machine(const Parts& parts, config::Config& config, std::uint32_t mtu);

  /// `remembered`: where an earlier run found the peer. The error, as an exception, is a sentence.
  Link(const Parts& parts, std::unique_ptr<crypto::Aead> aead, Machine machine, std::optional<Endpoint> remembered);
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  /// Begins to call the peer.
  void start();
  /// A turn of the loop: whatever there is to do now. The error is a sentence: the link cannot go on.
  Result<> turn(Instant now);

  /// Takes up what `edit` changes, the link having the same two ends; the configuration is the new one already.
  /// `preshared_key`: of the new one. Cannot fail.
  void adopt(const Edit& edit, crypto::PresharedKey preshared_key);
  /// Takes up another configuration with other ends, and calls the peer at once. Likewise.
  void begin_anew(const Edit& edit, Machine machine);
  void set_aead(std::unique_ptr<crypto::Aead> aead);
  /// The file names another endpoint than the one that is called: the call in progress is no reason to stay.
  void prefer_configured_endpoint() { endpoint_edited_ = !parts_.config.peer.endpoints.empty(); }
  /// Likewise, and it is called at once.
  void call_configured_endpoint();
  /// Caller::ask_now
  void ask_for_names() { caller_->ask_now(); }
  /// Others give the interface its MTU.
  void set_mtu(std::uint32_t mtu);
  void network_changed(const net::NetworkChange& change);
  /// tunnel::Tunnel::forget_sessions
  void forget_sessions() { data_path_->forget_sessions(parts_.loop.now()); }
  /// Ends what is under way: nothing is read, and nobody else is at work, from here on.
  void finish() {
    data_path_->finish(parts_.loop.now());
    data_path_->give_up(parts_.loop.now());
  }
  /// path::Pump::move_meanwhile
  void move_meanwhile(std::chrono::milliseconds patience, const std::function<void()>& first) {
    pump_->move_meanwhile(patience, first);
  }
  /// Other UDP sockets in place of those there are. On failure there are none.
  Result<> open_sockets(const net::ListenOptions& options);

  tunnel::Tunnel& machine() { return *machine_; }
  const tunnel::Tunnel& machine() const { return *machine_; }
  Upkeep& upkeep() { return *upkeep_; }
  const crypto::PublicKey& public_key() const { return public_key_; }
  std::string_view crypto_name() const { return aead_->name(); }
  path::OffloadReport offloads() const;
  /// Which of those of local.device the peer is called by; empty: it names none.
  std::string device() const { return Uplink::name_of(parts_.config.local, machine_->path().remote); }
  /// Threads that move packets.
  const path::Workers& workers() const { return pump_->workers(); }

 private:
  void assemble(std::optional<Endpoint> remembered);
  void watch_preshared_key(bool is_new);
  void set_workers();
  void make_caller(std::optional<Endpoint> remembered);
  void call_anew(std::optional<Endpoint> remembered);
  void follow_uplink();
  void bind_anew();
  void bind_later(const Error& why);
  void take_another_port();
  void follow_zone();
  void handle_events(Instant now);
  bool lead_past_tunnel(const Endpoint& endpoint);

  // In the order of their making; taken back in the reverse.
  Parts parts_;
  Uplink uplink_;
  Zone zone_;
  std::unique_ptr<crypto::Aead> aead_;
  Machine machine_;
  crypto::PublicKey public_key_;
  std::optional<path::DataPath> data_path_;
  std::optional<path::Pump> pump_;
  std::optional<Caller> caller_;
  std::optional<Upkeep> upkeep_;
  std::optional<PresharedKeyWatch> preshared_key_watch_;
  bool endpoint_edited_ = false;
  Endpoint led_past_;  ///< lead_past_tunnel has looked at it last
  net::Timer bind_again_;
  path::RefusalNews refusal_news_;
  std::vector<tunnel::Event> events_;
};

}  // namespace adit::link
