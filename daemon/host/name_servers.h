// SPDX-License-Identifier: MIT
// The section `dns`, told to systemd-resolved over D-Bus: which servers to ask through the link's interface, and for
// which names. Only while the link serves: with "~." among the names resolved would else ask nobody but a dead link,
// also for the peer's own name. A name that cannot be looked up is no reason to end a link: what goes wrong is said
// once, and tried again. Nothing here waits; the answers come through the loop.
#pragma once

#include <systemd/sd-bus.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/log.h"
#include "config/config.h"
#include "host/resolved_calls.h"
#include "net/event_loop.h"

namespace adit::host {

class NameServers {
 public:
  NameServers(net::EventLoop& loop, Log& log);
  ~NameServers();
  NameServers(const NameServers&) = delete;
  NameServers& operator=(const NameServers&) = delete;

  /// What holds from now on for this interface; without servers: nothing, and what was told before is taken back.
  /// `maybe_told`: a run before this one may have told something.
  void set(std::uint32_t interface, const config::Dns& dns, bool maybe_told = false);

  /// Whether packets get through: if not, nothing is told, and what was told is taken back. Not at first.
  void serve(bool on);

  /// For an interface that stays when the daemon goes; with one that goes resolved forgets by itself. Waits for the
  /// answer, a second at most.
  void take_back();

 private:
  struct CloseBus {
    void operator()(sd_bus* bus) const { sd_bus_close_unref(bus); }
  };
  struct DropSlot {
    void operator()(sd_bus_slot* slot) const { sd_bus_slot_unref(slot); }
  };
  /// The slots go before the bus.
  struct Bus {
    std::unique_ptr<sd_bus, CloseBus> bus = nullptr;
    std::unique_ptr<sd_bus_slot, DropSlot> call = nullptr;
    std::unique_ptr<sd_bus_slot, DropSlot> appeared = nullptr;
    std::unique_ptr<sd_bus_slot, DropSlot> altered = nullptr;
  };
  /// Telling again what another program has changed.
  struct Repair {
    Instant at{};                                 ///< the last one
    Duration patience = std::chrono::seconds(2);  ///< until the next one at the earliest
  };

  bool has_to_tell() const { return serving_ && !dns_.servers.empty(); }
  void tell();
  bool connect();
  void next(ResolvedStep step);
  void answered(sd_bus_message* answer);
  void resolver_appeared(sd_bus_message* signal);
  void resolver_altered();
  void look();
  void looked(bool as_told);
  void failed(const std::string& sentence);
  void turn();
  void plan_turn();
  void disconnect();

  net::EventLoop& loop_;
  Log& log_;
  std::uint32_t interface_ = 0;
  config::Dns dns_;
  bool serving_ = false;
  bool told_ = false;                       ///< resolved has something of us, or may have
  std::string said_;                        ///< the last warning; empty: all was well
  Duration patience_;                       ///< until the next attempt
  ResolvedStep step_ = ResolvedStep::done;  ///< what the answer is awaited to
  bool altered_ = false;                    ///< resolved was told something meanwhile
  Repair repair_;
  Bus bus_;
  net::Watch watch_;
  net::Timer turn_;  ///< the bus has a deadline
  net::Timer retry_;
};

}  // namespace adit::host
