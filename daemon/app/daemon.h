// SPDX-License-Identifier: MIT
// One link, put together: makes everything in the order in which each can stand on the one before, and runs the loop.
// What goes wrong at the start is a std::runtime_error with a sentence; whatever was made until then is taken back.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "app/control_socket.h"
#include "app/handover.h"
#include "app/history.h"
#include "app/hooks.h"
#include "app/key_log.h"
#include "app/logging.h"
#include "app/name_servers.h"
#include "app/offload_state.h"
#include "app/reload.h"
#include "app/service_manager.h"
#include "app/upkeep.h"
#include "app/wg_protocol.h"
#include "config/difference.h"
#include "net/file_watch.h"
#include "net/signals.h"
#include "net/system.h"

namespace adit::app {

class Daemon {
 public:
  /// `key_log`: sees the link's keys; null, as almost always: nobody does. Outlives the daemon.
  Daemon(config::Config config, const Log& log, KeyLog* key_log);
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  /// Until a signal ends it. The error is a sentence: why the link could not go on.
  enum class Ending : std::uint8_t {
    stopped,
    succeeded,  ///< a successor goes on at once, with what `leave` gives it
    kept,       ///< the service manager keeps that for a run that follows
  };
  Result<Ending> run();

  /// To be called once, after run: what the successor needs. Nothing is taken back then.
  Result<Estate> leave();

 private:
  struct Inherited {
    Estate estate;
    tunnel::SavedTunnelHolder session;
    std::optional<SessionFacts> facts;  ///< none: there is nothing to go on with
  };

  void make_link();
  void make_caller(std::optional<Endpoint> remembered);
  void watch_udp();

  // From one run to the next (daemon_handover.cpp)
  static std::unique_ptr<Inherited> inherit();
  net::TunDevice open_device();
  net::UdpPair open_sockets();
  void take_over_session();
  void succeed();

  // Another configuration (daemon_reload.cpp)
  /// What differs between two configurations, and what that concerns.
  struct Edit {
    std::vector<config::Change> changes;
    bool our_key = false;
    bool preshared_key = false;
    bool mark = false;  ///< of our datagrams, which a default route brings along

    bool has(std::initializer_list<std::string_view> keys) const;
    bool identity() const { return our_key || has({"peer.public_key"}); }
    bool sockets() const;
    std::vector<std::string> keys() const;
  };
  Edit edit_to(const config::Config& next) const;
  static std::vector<std::string> describe(const Edit& edit);
  ReloadOutcome reload();
  void watch_preshared_key();
  void preshared_key_changed();
  Result<> change_to(config::Config& next, const Edit& edit);
  Result<> reopen_sockets(const net::ListenOptions& options);
  Result<std::unique_ptr<tunnel::Tunnel>> make_tunnel(config::Config& config, std::uint32_t mtu);
  void adopt(config::Config next, const Edit& edit, std::unique_ptr<tunnel::Tunnel> successor);

  // What `wg` asks (daemon_wg.cpp)
  void open_wg_socket();
  std::string answer_wg(std::string_view request);
  std::expected<void, WgRefusal> set_by_wg(std::string_view request);
  bool is_set_up_by_wg() const { return config_.file.empty(); }
  void follow_interface();

  // Commands beside the link (daemon_hooks.cpp)
  void begin_up();
  void begin_down();
  HookFacts hook_facts() const;

  void signal(int number);
  void network_changed(const net::NetworkChange& change);
  void turn();
  void move_packets(Instant now);
  void handle_events(Instant now);
  void set_interest();
  void plan_tick();
  OffloadReport offloads() const;
  void tell_of_refused_offloads();
  std::string answer(std::string_view request);
  std::string interface_removed() const;
  void give_up(std::string reason);
  void keep_timestamp(const noise::Tai64n& timestamp);

  // In the order of their making; taken back in the reverse.
  std::unique_ptr<Inherited> inherited_;  ///< during the making
  bool goes_on_ = false;                  ///< with the interface of the run before
  config::Config config_;
  crypto::PublicKey public_key_;
  spdlog::logger& log_;
  std::shared_ptr<Journal> journal_;  ///< none: stderr is something else
  EventLog event_log_;
  KeyLog* key_log_;
  net::SystemRandom random_;
  net::SystemWallClock wall_clock_;
  std::unique_ptr<crypto::Aead> aead_;
  net::EventLoop loop_;
  net::SignalWatch signals_;
  ServiceManager service_;
  net::TunDevice device_;
  net::UdpPair sockets_;
  HostSetup host_;
  ControlSocket control_;
  StateStore store_;
  StateStore::Loaded state_;
  std::unique_ptr<tunnel::Tunnel> tunnel_;
  TunPort tun_port_;
  UdpPort udp_port_;
  std::optional<DataPath> data_path_;
  std::optional<History> history_;
  RefusalNews refusal_news_;
  bool endpoint_edited_ =
      false;  ///< the file names another one than is called: the call in progress is no reason to stay
  std::optional<Caller> caller_;
  std::optional<Upkeep> upkeep_;
  std::optional<net::NetlinkMonitor> monitor_;
  net::Timer tick_;
  std::optional<net::FileWatch> preshared_key_watch_;
  Hooks hooks_;
  NameServers name_servers_;
  std::optional<ControlSocket> wg_socket_;
  std::vector<std::string> changed_by_wg_;  ///< keys that are no longer as in the file

  net::Watch tun_watch_;
  net::Watch v4_watch_;
  net::Watch v6_watch_;
  bool packets_wait_ = false;
  bool datagrams_wait_ = false;
  bool room_to_send_ = false;
  std::vector<tunnel::Event> events_;
  bool timestamps_lost_ = false;  ///< and has been said
  Ending ending_ = Ending::stopped;
  std::optional<Error> failure_;
};

}  // namespace adit::app
