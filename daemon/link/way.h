// SPDX-License-Identifier: MIT
// The way our datagrams take to the peer, as the kernel's routes have it, and what follows from it: the interface's
// MTU, and whether the answers will be let in.
#pragma once

#include <optional>
#include <string>

#include "base/log.h"
#include "config/config.h"
#include "link/path_mtu.h"

namespace adit::link {

class Way {
 public:
  /// The route is looked up this often at most.
  static constexpr Duration kLookLimit = std::chrono::seconds(1);

  /// The references must outlive it.
  struct Parts {
    const config::Config& config;
    std::uint32_t interface;
    host::HostSetup& host;
    tunnel::Tunnel& tunnel;
    path::DataPath& data_path;
    Log& log;
  };
  explicit Way(const Parts& parts);

  /// Something may have changed.
  void ask_again() { due_ = true; }
  void look(Instant now);
  /// When `look` would find out what is due; none: nothing is.
  std::optional<Instant> next_look(Instant now) const;
  /// Packets passed that make it worth one now.
  bool data_waits(Instant now) const { return mtu_.data_waits(now); }
  void event(const tunnel::ProbeEnded& event, Instant now) { mtu_.event(event, now); }
  PathReport path() const { return mtu_.report(); }
  bool due() const { return due_; }
  /// It is another one than before, or was since forget_move().
  bool moved() const { return moved_; }
  /// Likewise, and by another interface: who could be reached at an address of ours need not be by way of that one.
  bool changed_interface() const { return changed_interface_; }
  void forget_move() { moved_ = changed_interface_ = false; }
  /// Why nothing can be sent that way; empty: it can.
  const std::string& problem() const;
  /// PathMtu::left_out
  std::string left_out() const { return mtu_.left_out(); }

 private:
  void look_at_route(Instant now);
  void check_uplink();

  Parts parts_;
  PathMtu mtu_;
  bool due_ = true;
  std::optional<net::RouteInfo> route_;
  Endpoint route_of_;  ///< unknown: it was never looked up
  Instant looked_at_{};
  std::string problem_;
  Endpoint problem_of_;
  bool moved_ = false;
  bool changed_interface_ = false;
  std::uint32_t uplink_checked_ = 0;
};

}  // namespace adit::link
