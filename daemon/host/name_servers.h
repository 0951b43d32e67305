// SPDX-License-Identifier: MIT
// The section `dns`, told to systemd-resolved over D-Bus: which servers to ask through the link's interface, and for
// which names. A name that cannot be looked up is no reason to end a link: what goes wrong is said once, and tried
// again. Nothing here waits; the answers come through the loop.
#pragma once

#include <systemd/sd-bus.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/log.h"
#include "config/config.h"
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
  struct DropMessage {
    void operator()(sd_bus_message* message) const { sd_bus_message_unref(message); }
  };
  using Message = std::unique_ptr<sd_bus_message, DropMessage>;
  /// What is told, in this order.
  enum class Step : std::uint8_t { servers, domains, revert, done };

  void tell();
  bool connect();
  void next(Step step);
  Message make(Step step) const;
  void answered(sd_bus_message* answer);
  void resolver_appeared(sd_bus_message* signal);
  void failed(const std::string& sentence);
  void turn();
  void plan_turn();
  void disconnect();

  net::EventLoop& loop_;
  Log& log_;
  std::uint32_t interface_ = 0;
  config::Dns dns_;
  bool told_ = false;       ///< resolved has something of us, or may have
  std::string said_;        ///< the last warning; empty: all was well
  Duration patience_;       ///< until the next attempt
  Step step_ = Step::done;  ///< what the answer is awaited to
  std::unique_ptr<sd_bus, CloseBus> bus_;
  std::unique_ptr<sd_bus_slot, DropSlot> call_;
  std::unique_ptr<sd_bus_slot, DropSlot> match_;
  net::Watch watch_;
  net::Timer turn_;  ///< the bus has a deadline
  net::Timer retry_;
};

}  // namespace adit::host
