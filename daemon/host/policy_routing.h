// SPDX-License-Identifier: MIT
// What keeps traffic of the host in the tunnel, and the tunnel's own datagrams out of it, by rules and a routing table
// of the link's own.
//
// Everything into the tunnel (a default route), for each family by two rules:
//
//   1. all, but no default route counts   → main     routes that are more precise than `default` keep working
//   2. all without our mark               → TABLE    a default route into the tunnel, and an unreachable one behind it
//
// Marked datagrams fall through to main's default route. Rules and unreachable routes hang on no interface: when the
// daemon is killed, and its interface and the routes into it are gone, what was led into the tunnel goes nowhere.
//
// A route into the tunnel that the peer's own address lies in (10.0.0.0/8, or one half of the Internet) stands in TABLE
// and not in main, behind two rules of the same kind for its prefix length, so that longest prefix still decides.
//
// All of it bears the link's number: as the rules' mark or table, and in the unreachable routes' metric. So a later run
// knows it again, and goes on with it without taking it away first.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "host/restored.h"
#include "net/netlink.h"
#include "net/netlink_route.h"
#include "net/netlink_rule.h"

namespace adit::host {

/// With a default route into the tunnel no route in main counts that is as wide as this or wider: whoever answers DHCP
/// or sends router advertisements in a foreign network hands out halves of the Internet, which win over a default
/// (CVE-2024-3661). Networks that somebody has are narrower.
inline constexpr std::uint32_t kNobodysNetwork = 7;

/// "IPv4" or "IPv6".
const char* family_name(Family family);

struct PolicyRoutingOptions {
  std::uint32_t number = 0;       ///< the link's, and its table's; not 0, and no other link's of this host
  std::uint32_t interface = 0;    ///< the tunnel; 0: there is none, and what blocks is all there is
  std::uint32_t fwmark = 0;       ///< what the UDP sockets are marked with; not 0 where anything else is set
  std::vector<Family> families;   ///< all traffic of these goes into the tunnel
  std::vector<Family> blocked;    ///< all traffic of these goes nowhere
  std::vector<IpNetwork> spared;  ///< routes into the tunnel that the peer's own address lies in
  /// What goes nowhere without the tunnel: destinations and their tables (none: main), nothing else of it counts. Those
  /// of `families`, `blocked` and `spared` are in the table `number`.
  std::vector<net::RouteSpec> behind;
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

  /// Adds what is missing, then takes away what this link had beside it, in this run or an earlier one: nothing leaks
  /// meanwhile. On failure all is as it was, and the error is a sentence.
  Result<> install(const PolicyRoutingOptions& options);
  /// Not all of these can be had now: restore() is to go on trying, and what there is besides them stays.
  void expect(const PolicyRoutingOptions& options) { installed_ = options; }
  /// Adds again what others took away, and names it. One that cannot be had keeps none of the others away.
  Restored restore();
  void remove();
  /// Takes the ways into the tunnel away; what blocks stays, beyond this run.
  void leave_blocked();
  /// Leaves all as it is, for a later run.
  void release() { installed_.reset(); }
  /// What would stay with leave_blocked().
  bool blocks() const { return installed_ && !installed_->behind.empty(); }

  /// As installed; none: nothing is.
  const std::optional<PolicyRoutingOptions>& installed() const { return installed_; }

  /// A run of this link that did not end in order left something that blocks.
  static bool is_blocked(net::Netlink& netlink, std::uint32_t number);
  /// Takes away all that any run of this link left. True: there was something.
  static Result<bool> unblock(net::Netlink& netlink, std::uint32_t number);

 private:
  Restored add_routes(const PolicyRoutingOptions& options);
  Restored add_rules(const PolicyRoutingOptions& options);
  Result<> add(const PolicyRoutingOptions& options);
  Result<bool> add_route(const PolicyRoutingOptions& options, const net::RouteSpec& route);

  net::Netlink& netlink_;
  std::optional<PolicyRoutingOptions> installed_;
};

/// A strict reverse path filter on the uplink drops the peer's answers while the host's default route is the tunnel:
/// it looks for the way back without our mark; but not where `shielded` (host/shield.h) they bear it and the host has
/// it count. The sentence names the interface and the mend; none: all is well. IPv6 has no such filter.
std::optional<std::string> reverse_path_problem(const std::string& uplink, bool shielded);

}  // namespace adit::host
