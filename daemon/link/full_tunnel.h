// SPDX-License-Identifier: MIT
// Whether all goes into the tunnel that is to: looked at again when rules or routes of the host change, and told once.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "host/host_setup.h"
#include "net/netlink_monitor.h"

namespace adit::link {

class FullTunnel {
 public:
  /// Whoever changes one rule changes the next right after it, and what holds in between is nobody's intention.
  static constexpr Duration kSettled = std::chrono::milliseconds(250);
  /// Other people's routes may change all day.
  static constexpr Duration kLeisure = std::chrono::seconds(2);

  /// The references must outlive it.
  FullTunnel(host::HostSetup& host, Log& log) : host_(host), log_(log) {}

  void network_changed(const net::NetworkChange& change, Instant now);
  /// The link's own rules are other ones.
  void look_again() { due_ = Instant{}; }
  void look(Instant now);
  /// When `look` has something to do; none: when the network changes.
  std::optional<Instant> next_look() const { return due_; }
  /// host::find_bypasses, of the last look.
  const std::vector<std::string>& bypasses() const { return bypasses_; }
  std::string in_words() const;

 private:
  host::HostSetup& host_;
  Log& log_;
  std::optional<Instant> due_ = Instant{};
  std::vector<std::string> bypasses_;
};

}  // namespace adit::link
