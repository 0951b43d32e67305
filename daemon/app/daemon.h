// SPDX-License-Identifier: MIT
// One link, wired up: makes everything in the order in which each can stand on the one before, and runs the loop.
// What goes wrong at the start is a std::runtime_error with a sentence; whatever was made until then is taken back.
#pragma once

#include <array>
#include <csignal>
#include <memory>
#include <optional>
#include <string>

#include "app/copy_watch.h"
#include "app/hook_schedule.h"
#include "app/network_watch.h"
#include "app/reload.h"
#include "control/control_socket.h"
#include "control/events.h"
#include "control/history.h"
#include "control/status_report.h"
#include "control/wg_commands.h"
#include "host/forwarding.h"
#include "host/name_servers.h"
#include "host/port_note.h"
#include "host/shield.h"
#include "net/signals.h"
#include "net/system.h"
#include "service/handover.h"
#include "service/logging.h"

namespace adit::app {

class Inheritance;

class Daemon {
 public:
  /// End it, reload its file, make room for a successor. Whoever makes one has them blocked before.
  static constexpr std::array kSignals{SIGTERM, SIGINT, SIGHUP, SIGUSR2};

  /// `key_log`: sees the link's keys; null, as almost always: nobody does. Outlives the daemon, and so does `log`.
  Daemon(config::Config config, const service::Logging& log, service::KeyLog* key_log);
  ~Daemon();
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  enum class Ending : std::uint8_t {
    stopped,
    succeeded,  ///< a successor goes on at once, with what `leave` gives it
    kept,       ///< the service manager keeps that for a run that follows
  };
  /// Until a signal ends it. The error is a sentence: why the link could not go on.
  Result<Ending> run();

  /// To be called once, after run: what the successor needs. Nothing is taken back then.
  Result<service::Estate> leave();

 private:
  /// What everything else stands on.
  struct Ground {
    explicit Ground(const service::Logging& logging)
        : log(*logging.log), journal(logging.journal.get()), event_log(*logging.log, logging.journal.get()) {}

    Log& log;
    service::Journal* journal;  ///< none: stderr is something else
    link::EventLog event_log;
    net::SystemRandom random;
    net::SystemWallClock wall_clock;
    net::EventLoop loop;
    service::ServiceManager service{loop};
  };
  /// This run: how it began, and how it ends.
  struct Run {
    bool goes_on = false;  ///< with the interface of the run before
    bool is_up = false;    ///< besides, the hooks for `up` have run there
    Instant begun{};
    std::optional<bool> carrier;  ///< as the interface was told, if it is for frames
    std::uint32_t restarts = 0;   ///< StateStore::Loaded::restarts
    Ending ending = Ending::stopped;
    FileDescriptor session;  ///< for what the next run is to have of this one; none: nothing
    std::optional<Error> failure;
    Instant back_due{};     ///< an interface that was away may be taken up again
    Duration back_pause{};  ///< between two tries
  };

  /// What is done on the host beside the interface.
  struct Beside {
    host::NameServers name_servers;
    host::Forwarding forwarding;
    host::PortNote port;
    host::Shield shield = {};
    std::optional<CopyWatch> copies = {};
  };

  /// What others have been told of the link, and can be.
  struct Told {
    std::optional<control::History> history = {};
    control::Events events = {};
  };

  struct Wg {
    control::WgCommands commands;
    std::optional<control::ControlSocket> socket = {};  ///< none: it cannot be had
  };

  void begin(Inheritance& inheritance, service::StateStore::Loaded state, service::KeyLog* key_log);
  void open_wg_socket();
  void keep_sockets();
  bool is_set_up_by_wg() const { return config_.file.empty(); }

  void watch_for_copies(const Inheritance& inheritance);
  void turn();
  void move_meanwhile(std::chrono::milliseconds patience);
  void told(const link::Health& health);
  void set_carrier(bool there);
  void tell_events(const link::Health& health);
  void signal(int number);
  void network_changed(const net::NetworkChange& change);
  bool lost_interface(const net::NetworkChange& change);
  void look_whether_back();
  void interface_is_back();
  void follow_name(const net::NetworkChange& change);
  void namespace_renamed(net::NetworkNamespace::Standing standing);
  std::string namespace_problem() const;
  void follow_interface();
  void adopted(const link::Edit& edit);
  void begin_up();
  void begin_down();
  void set_forwarding();
  std::optional<host::InterfacePast> interface_past(const Inheritance& inheritance) const;
  void note_port();
  void reloaded();
  void keep();
  void reconsider_keeping();
  void succeed();
  Result<bool> look_ahead();
  void go_on_after_all(const Error& why);
  Result<> replace();
  Result<> make_room();
  void take_leave();
  void end_of_leave();
  Result<> prepare_session();
  void give_up(Error reason);
  void tell_what_is_blocked() const;
  void raise_shield();
  host::HookFacts hook_facts() const;
  std::string answer(std::string_view request);
  control::Report report();

  // In the order of their making; taken back in the reverse.
  config::Config config_;
  Ground ground_;
  net::SignalWatch signals_;
  Run run_;
  std::unique_ptr<path::Doors> doors_;
  std::optional<host::HostSetup> host_;
  std::optional<control::ControlSocket> control_;
  service::StateStore store_;
  std::optional<link::TimestampKeeper> timestamps_;
  std::optional<link::Link> link_;
  Told told_;
  std::optional<NetworkWatch> network_;
  std::optional<Reload> reload_;
  HookSchedule hooks_;
  Beside beside_;
  std::optional<Wg> wg_;
};

}  // namespace adit::app
