// SPDX-License-Identifier: MIT
// What the service manager is told (sd_notify): that the link is ready, what it is doing, that it ends, and that its
// loop still turns. Started by anything else than systemd with Type=notify, all of it does nothing.
#pragma once

#include <optional>
#include <string>

#include "net/event_loop.h"

namespace adit::service {

class ServiceManager {
 public:
  /// Reads what the manager wants to hear from the environment (NOTIFY_SOCKET, WATCHDOG_USEC, WATCHDOG_PID).
  explicit ServiceManager(net::EventLoop& loop);

  /// Interface, addresses, routes and sockets are in place.
  void ready();
  /// A reload begins, and `reloaded` is its end, whichever way it goes. Neither is told before `ready`: the manager
  /// would take a reload's end for the link's being ready.
  void reloading() const;
  void reloaded() const;
  void stopping();
  /// This stop is the first half of a restart, as far as the manager can be asked; takes a second at most, whatever
  /// becomes of the bus.
  static bool is_restarting();
  /// Start or stop takes so much longer, at most, than whatever the unit allows.
  void patient_for(Duration more);
  /// The unit's status line. Sent when it changed.
  void status(std::string line);
  /// At the end of each whole turn of the loop: the only place from which the watchdog is fed, so that a loop that is
  /// stuck, be it in a callback or for want of events, is found out.
  void turn_end();

  /// The time without a sign of life after which the manager acts; none: it does not watch.
  std::optional<Duration> patience() const { return patience_; }

 private:
  static void send(const std::string& message);

  net::EventLoop& loop_;
  std::optional<Duration> patience_;
  bool ready_ = false;  ///< has been told, and no end since
  bool sign_due_ = false;
  std::string status_;
  net::Timer sign_;
};

}  // namespace adit::service
