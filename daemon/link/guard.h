// SPDX-License-Identifier: MIT
// Keeps on the host what the link has put there: addresses, routes and rules that others take away are put back, until
// it turns out that somebody takes them away again and again; then it says who.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "host/host_setup.h"
#include "link/put_back.h"
#include "net/netlink_monitor.h"

namespace adit::link {

/// A line for each of `routes` (HostSetup::conflicts), up to a few, and one for the rest: there may be thousands.
void warn_of_left_out(const std::vector<std::string>& routes, Log& log);

class Guard {
 public:
  /// Things are looked at this often at most, however much changes on the host.
  static constexpr Duration kLookLimit = std::chrono::milliseconds(250);
  /// What has to be put back this often within a time is somebody else's to keep away: then it is put back at leisure,
  /// and told of, until nobody takes it away any more.
  static constexpr std::size_t kFightLimit = 8;
  static constexpr Duration kFightTime = std::chrono::seconds(30);
  static constexpr Duration kLeisure = std::chrono::seconds(2);
  /// What can wait takes no more than this part of a processor, however many routes this host has.
  static constexpr int kShare = 20;
  /// Things are looked at this often at least: not all that happens to routes is told.
  static constexpr Duration kUnasked = std::chrono::seconds(30);

  /// The references must outlive it.
  Guard(std::uint32_t interface, host::HostSetup& host, Log& log, Instant now)
      : interface_(interface), host_(host), log_(log), link_due_(host.lacks_bridge()), all_looked_at_(now) {}

  void network_changed(const net::NetworkChange& change);
  /// Puts back what is missing, if something may be.
  void look(Instant now);
  /// When `look` has something to do; none: when the network changes, or nothing was looked at for kUnasked.
  std::optional<Instant> next_look() const;
  /// Why the interface, its routes or rules are not as they should be; empty: they are.
  std::string problem() const;
  /// What could not be had, though all else works; empty: nothing.
  std::string left_out() const;
  /// While somebody takes things away again and again (`problem` says so), only what was before that.
  const PutBack& put_back() const { return put_back_; }

 private:
  bool has_other(const std::vector<std::uint32_t>& links) const;
  host::Restored look_at(bool all, Instant now);
  void tell(const std::vector<std::string>& missing, std::uint32_t culprit, Instant now);
  void tell_problem(const std::string& problem);

  std::uint32_t interface_;
  host::HostSetup& host_;
  Log& log_;
  bool due_ = false;
  bool link_due_ = false;    ///< only the interface itself is to be looked at
  bool at_leisure_ = false;  ///< there is something to look at, which may wait
  bool down_ = false;
  Instant looked_at_{};
  Instant all_looked_at_;
  Duration cost_{};  ///< of that look, in time of the processor
  std::deque<Instant> put_back_at_;
  bool fighting_ = false;
  std::uint32_t culprit_ = 0;  ///< the process that took something away last; 0: not known
  std::string problem_;
  PutBack put_back_;
};

}  // namespace adit::link
