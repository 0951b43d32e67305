// SPDX-License-Identifier: MIT
// The whole host through the tunnel, except the tunnel's own datagrams. The default routes live in a table of their
// own, and two rules a family lead there, in this order:
//
//   1. all, but no default route counts   → main     routes that are more precise than `default` keep working
//   2. all without our mark               → TABLE    the tunnel
//
// Marked datagrams fall through to main's default route. Both rules carry the mark as their owner's name, so leftovers
// of a killed run of the same link are found and removed.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "net/netlink.h"
#include "net/netlink_route.h"
#include "net/netlink_rule.h"

namespace adit::host {

struct PolicyRoutingOptions {
  std::uint32_t interface = 0;
  std::vector<Family> families;
  std::uint32_t table = 0;
  std::uint32_t fwmark = 0;         ///< what the UDP sockets are marked with; not 0, and no other link's of this host
  std::uint32_t priority = 32'700;  ///< of the first rule; the second follows it. Main's own is 32,766

  friend bool operator==(const PolicyRoutingOptions&, const PolicyRoutingOptions&) = default;
};

class PolicyRouting {
 public:
  explicit PolicyRouting(net::Netlink& netlink) : netlink_(netlink) {}
  /// As remove().
  ~PolicyRouting();
  PolicyRouting(const PolicyRouting&) = delete;
  PolicyRouting& operator=(const PolicyRouting&) = delete;

  /// Replaces what it installed before; the same options again change nothing, so that nothing leaks meanwhile. On
  /// failure nothing stays, and the error is a sentence.
  Result<> install(const PolicyRoutingOptions& options);
  /// Adds again what is missing, as after the interface was down.
  Result<> restore();
  void remove();
  /// Leaves all as it is, for a later run.
  void release() { installed_.reset(); }

  /// Rules and routes that an earlier run with this mark and table left behind; for starts that need no policy routing
  /// any more. install() does it by itself.
  static Result<> remove_leftovers(net::Netlink& netlink, std::uint32_t table, std::uint32_t fwmark);

 private:
  Result<> add(const PolicyRoutingOptions& options);
  Result<> add_default_route(const PolicyRoutingOptions& options, Family family);

  net::Netlink& netlink_;
  std::optional<PolicyRoutingOptions> installed_;
};

/// A strict reverse path filter on the uplink drops the peer's answers while the host's default route is the tunnel:
/// it looks for the way back without our mark. The sentence names the interface and the mend; none: all is well. IPv6
/// has no such filter.
std::optional<std::string> reverse_path_problem(const std::string& uplink);

}  // namespace adit::host
