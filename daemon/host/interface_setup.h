// SPDX-License-Identifier: MIT
// The interface as the configuration wants it: MTU, queue, flags, addresses, up, and the routes through it. `apply`
// brings about the difference to what it applied before and touches nothing else, so start and reload are one thing;
// `remove` takes back exactly what was added and leaves alone what was there before.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/ip.h"
#include "base/result.h"
#include "host/restored.h"
#include "net/netlink.h"
#include "net/netlink_address.h"
#include "net/netlink_link.h"
#include "net/netlink_route.h"

namespace adit::host {

/// Packets in the interface's queue, where neither the file nor another program has chosen: what bursts of many flows
/// take to lose next to nothing (docs/performance.md).
inline constexpr std::uint32_t kQueueLength = 2000;

struct InterfaceSettings {
  std::uint32_t mtu = 1420;
  std::optional<std::uint32_t> queue_length;  ///< packets; none: as it was or, where that is the kernel's, kQueueLength
  bool multicast = false;
  std::string bridge;             ///< the name of the one it is in; empty: whatever others put it into
  std::optional<MacAddress> mac;  ///< that the device has from the start; none: whichever it has
  bool has_neighbours = false;    ///< an Ethernet that this host is on: IPv6 needs a link-local address there
  std::vector<net::InterfaceAddress> addresses;
  std::vector<net::RouteSpec> routes;  ///< default routes for the whole host belong to PolicyRouting
  friend bool operator==(const InterfaceSettings&, const InterfaceSettings&) = default;
};

/// What an earlier run, which was released, leaves to know to the next.
struct InterfacePast {
  net::LinkState before;     ///< the link as that one found it
  std::uint32_t bridge = 0;  ///< number of the one that it is in because of us; 0: none
};

/// The networks that this host is in, each with the number of the interface, which is up; but for those of `but`.
net::NetlinkResult<std::map<IpNetwork, std::uint32_t>> list_neighbours(net::Netlink& netlink, std::uint32_t but);

class InterfaceSetup {
 public:
  /// `past`: none: the link is to be left as it is at the first `apply`.
  InterfaceSetup(net::Netlink& netlink, std::uint32_t index, std::string name, std::optional<InterfacePast> past = {});
  /// As remove().
  ~InterfaceSetup();
  InterfaceSetup(const InterfaceSetup&) = delete;
  InterfaceSetup& operator=(const InterfaceSetup&) = delete;

  /// On failure the interface is as it was before the call, and the error is a sentence. Costs a list of addresses, a
  /// message for each route or, where there are many of them or one is missing, a list of those through the interface
  /// for each family and table in use, and a message for each thing that is to be changed.
  /// `in_part`: what cannot be had keeps none of the rest away, and is left to restore(), as long as the interface is
  /// there at all. So is a bridge that is not there yet at the first call, in any case.
  Result<> apply(const InterfaceSettings& wanted, bool in_part = false);
  /// Of what is applied, the MTU alone: a single message. Likewise.
  Result<> set_mtu(std::uint32_t mtu);
  /// Brings back what the kernel dropped of ours (it flushes routes when an interface goes down) or others took away or
  /// changed, and names it. Changes nothing when all is there. `forgo`: not addresses, as forgo_missing_addresses.
  Restored restore(bool forgo = false);
  /// Likewise MTU, queue, MAC address, flags and bridge alone, which costs no list of what there may be thousands of.
  /// One that is down stays so.
  Restored restore_link();
  /// Others give the interface its MTU and flags: as they are now they are wanted.
  void accept_link(const net::LinkState& link);
  /// A hook of the file may take addresses away, or put its own in their place (`ip addr add A peer B`): those that are
  /// not there now are not missed from now on, as long as they are wanted.
  void forgo_missing_addresses();
  /// Gives the interface another name; addresses and routes stay. The error is a sentence.
  Result<> rename(const std::string& name);
  /// After somebody else renamed it.
  void set_name(const std::string& name) { name_ = name; }
  /// What cannot be removed because it is gone already is no error. Afterwards nothing is applied.
  void remove();

  /// Leaves all as it is, for a later run.
  void release() { active_ = false; }

  bool is_applied() const { return active_; }
  /// It is missed: whoever makes it may do so later.
  bool lacks_bridge() const { return lacks_bridge_; }
  /// Only while something is applied.
  InterfacePast past() const { return {before_.value_or(net::LinkState()), bridge_}; }
  const std::vector<net::RouteSpec>& routes() const { return applied_.routes; }
  /// Whether a route there could be in the way of one of those. Costs next to nothing.
  bool has_route_at(const net::RoutePlace& place) const;
  /// A sentence for each route that was left out, since another of that destination and metric is there: it would have
  /// to take the place of somebody else's network. restore() adds it when that one is gone. Sorted.
  const std::vector<std::string>& conflicts() const { return conflicts_; }

 private:
  struct Added {
    std::vector<net::InterfaceAddress> addresses;
    std::set<net::RouteSpec> routes;
  };

  void forgo(const net::InterfaceAddress& address);
  Result<> adopt_leftovers(const InterfaceSettings& wanted);
  Result<> change(const InterfaceSettings& wanted, bool in_part = false);
  Result<> change_link_to(const InterfaceSettings& wanted, const std::optional<MacAddress>& mac = {});
  Result<> put_into_bridge(const std::string& name);
  Result<> leave_bridge();
  Result<> remove_unwanted(const InterfaceSettings& wanted);
  Result<> add_missing(const InterfaceSettings& wanted);
  Result<> add_missing_address(const net::InterfaceAddress& address, const std::vector<net::FoundAddress>& there);
  Result<> add_missing_routes(const std::vector<net::RouteSpec>& wanted);
  Result<std::vector<net::RouteSpec>> find_missing(const std::vector<net::RouteSpec>& wanted);
  Result<> add_routes(const std::vector<net::RouteSpec>& missing);
  bool leave_to_neighbour(const net::RouteSpec& route, const std::map<IpNetwork, std::uint32_t>& neighbours);
  Result<> note_conflicts(const std::vector<net::RouteSpec>& occupied);
  void note_conflict(const net::RouteSpec& route, const net::FoundRoute& found);

  net::Netlink& netlink_;
  std::uint32_t index_;
  std::string name_;
  bool active_ = false;                   ///< something is applied, or about to be
  std::optional<net::LinkState> before_;  ///< as we found the link; set while active
  InterfaceSettings applied_;
  std::vector<net::RoutePlace> places_;  ///< of applied_.routes, sorted
  std::uint32_t bridge_ = 0;             ///< InterfacePast::bridge
  bool lacks_bridge_ = false;
  std::vector<std::string> restored_;  ///< what the last add_missing found missing
  std::vector<std::string> conflicts_;
  std::vector<net::InterfaceAddress> forgone_;
  bool forgoes_ = false;  ///< for the moment, what is found missing
  bool goes_on_ =
      false;     ///< an earlier run's hooks have run, and may have put an address in the place of one of the file's
  Added added_;  ///< what is there because of us; the rest of applied_ was there before
};

}  // namespace adit::host
