// SPDX-License-Identifier: MIT
// The host's network as the link needs it: interface, routes, and what keeps traffic in the tunnel and the tunnel's own
// datagrams out of it. All of it is taken back when this goes, but for what is to block then.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "config/config.h"
#include "host/bypass.h"
#include "host/interface_setup.h"
#include "host/policy_routing.h"
#include "net/netlink_bridge.h"
#include "net/tun_device.h"

namespace adit::host {

class HostSetup {
 public:
  /// Throws std::runtime_error with a sentence. `config` must outlive this.
  /// `past`: of the interface, where an earlier run goes on in this one.
  HostSetup(const config::Config& config, const net::TunDevice& device, std::uint32_t mtu,
            std::optional<InterfacePast> past = {});
  ~HostSetup();
  HostSetup(const HostSetup&) = delete;
  HostSetup& operator=(const HostSetup&) = delete;

  /// Brings back what others took away, the kernel when the interface goes down or somebody by hand, and names it. What
  /// keeps traffic in the tunnel comes first, and one thing that cannot be had keeps none of the others away.
  Restored restore();
  /// Likewise of the interface itself: InterfaceSetup::restore_link.
  Restored restore_link();
  /// InterfaceSetup::lacks_bridge
  bool lacks_bridge() const { return interface_.lacks_bridge(); }
  /// While `runs` says that a hook does, addresses that are missing are its doing (InterfaceSetup::restore).
  void set_hook_runs(std::function<bool()> runs) { hook_runs_ = std::move(runs); }
  /// What comes in for our sockets bears their mark (host/shield.h).
  void set_shielded(bool shielded) { shielded_ = shielded; }
  bool is_shielded() const { return shielded_; }
  /// InterfaceSetup::forgo_missing_addresses
  void forgo_missing_addresses() {
    if (!away_) interface_.forgo_missing_addresses();
  }
  Result<> set_mtu(std::uint32_t mtu);
  /// The network as another configuration wants it; what is the same in both is not touched. On failure all is as it
  /// was. The caller then makes `config` the one this was made with.
  Result<> change(const config::Config& config, std::uint32_t mtu);
  Result<> rename(const std::string& name) { return interface_.rename(name); }
  /// Somebody else did.
  void interface_renamed(const std::string& name) { interface_.set_name(name); }
  /// The encrypted packets go there from now on: a route that leads `peer` into the tunnel leads what bears our mark
  /// past it. True: the sockets need mark() for it, which they did not before.
  Result<bool> spare(const IpAddress& peer);
  /// Of our datagrams; 0: none.
  std::uint32_t mark() const;
  /// Netlink::set_between
  void set_between(const std::function<void()>& between) {
    netlink_.set_between(between);
    interface_netlink_.set_between(between);
  }

  /// Somebody moved the interface to another network namespace: it is left alone from now on. What blocks here stays.
  void interface_left();
  /// And back. `set_up`: give it all that it is to have. What cannot be had is told, and left to restore(), which goes
  /// on trying.
  Result<> interface_came_back(bool set_up);
  bool interface_is_away() const { return away_; }
  /// Leaves all as it is, for a later run; but for the interface where that has no use for it.
  void release(bool with_interface = true) {
    if (with_interface) interface_.release();
    policy_.release();
  }
  /// The link has worked: from now on what blocks is left behind, unless let_go is called before the end.
  void hold() { left_blocked_ = true; }
  /// An orderly stop: what blocks goes, too, unless it is to stay always.
  void let_go();
  /// Why `address` can be no peer's, whoever says it is; empty: it can.
  std::string why_no_peer(const IpAddress& address);
  /// Whether the peer's datagrams can go on coming as they did: to an address that this host has, by an interface that
  /// works.
  bool is_reached_at(const Path& path);
  /// The way our datagrams take: out of the interface that their sockets are bound to, whatever leads elsewhere.
  Result<net::RouteInfo> route_to(const Endpoint& peer);

  /// The interface as it was before any of us came.
  InterfacePast interface_past() const { return interface_.past(); }
  std::uint32_t mtu() const { return mtu_; }
  /// As the interface has it now, whoever gave it that: others give it MTU and flags. Nothing when the kernel does not
  /// say.
  std::optional<std::uint32_t> accept_mtu();
  /// Packets that the interface had no room for, as the kernel counts them, since this was made. None while it is away.
  std::uint64_t look_at_dropped();
  /// How many MAC addresses the bridge that an interface for frames is in has learnt behind it, at most
  /// net::kMostLearnt. None: it is in none, or is away.
  std::optional<std::uint32_t> look_at_learnt();
  /// The name of a bridge that this host has an address on, and may route for; not that of an interface for frames.
  /// Empty: there is none.
  std::string routed_bridge();
  /// InterfaceSetup::conflicts
  const std::vector<std::string>& conflicts() const { return interface_.conflicts(); }
  /// Whether a route of others there may be in the way of one of ours, or in the place of one.
  bool has_route_at(const net::RoutePlace& place) const;
  /// host::find_bypasses
  Bypasses find_bypasses();
  /// All of them, default routes included.
  std::vector<net::RouteSpec> routes() const;

 private:
  Result<> apply(const config::Config& config, std::uint32_t mtu, const std::vector<IpAddress>& peers);
  Result<> change_from_afar(const config::Config& config);
  Result<> dress();
  void keep_policy(std::uint32_t interface);
  std::uint64_t dropped_so_far();
  std::vector<IpAddress> peers_of(const config::Config& config, std::vector<IpAddress> known);
  bool is_neighbour(const config::Config& config, const IpAddress& peer);

  const config::Config& config_;
  std::uint32_t interface_index_;
  std::uint32_t mtu_;
  std::vector<IpAddress> peers_;  ///< that a route leads into the tunnel, and which are spared
  bool left_blocked_;
  bool shielded_ = false;
  bool away_ = false;     ///< the interface, see interface_left
  bool is_bare_ = false;  ///< it came back, and was not given yet what it is to have
  std::function<bool()> hook_runs_;
  net::Netlink netlink_;
  net::Netlink interface_netlink_;              ///< of the network namespace in which the interface was made
  std::optional<net::LearntAddresses> learnt_;  ///< of an interface for frames
  InterfaceSetup interface_;
  PolicyRouting policy_;
  std::uint64_t dropped_before_ = 0;
};

}  // namespace adit::host
