// SPDX-License-Identifier: MIT
// The host's network as the link needs it: interface, routes, and policy routing for a default route through the
// tunnel. All of it is taken back when this goes.
#pragma once

#include <optional>
#include <vector>

#include "config/config.h"
#include "host/interface_setup.h"
#include "host/policy_routing.h"
#include "net/tun_device.h"

namespace adit::host {

class HostSetup {
 public:
  /// Throws std::runtime_error with a sentence. `config` must outlive this.
  /// `before`: of the interface, where an earlier run goes on in this one.
  HostSetup(const config::Config& config, const net::TunDevice& device, std::uint32_t mtu,
            std::optional<net::LinkState> before = {});

  /// Brings back what the kernel took away, as it does when the interface goes down.
  Result<> restore();
  Result<> set_mtu(std::uint32_t mtu);
  /// The network as another configuration wants it; what is the same in both is not touched. On failure all is as it
  /// was. The caller then makes `config` the one this was made with.
  Result<> change(const config::Config& config, std::uint32_t mtu);
  Result<> rename(const std::string& name) { return interface_.rename(name); }
  /// Leaves all as it is, for a later run.
  void release() {
    interface_.release();
    policy_.release();
  }
  /// The way our datagrams take.
  Result<net::RouteInfo> route_to(const IpAddress& destination);

  /// The interface as it was before any of us came.
  const net::LinkState& interface_before() const { return interface_.before(); }
  std::uint32_t mtu() const { return mtu_; }
  /// As the interface has it now, whoever gave it that. Nothing when the kernel does not say.
  std::optional<std::uint32_t> look_at_mtu();
  /// All of them, default routes included.
  std::vector<net::RouteSpec> routes() const;

 private:
  Result<> apply_policy(const config::Config& config);

  const config::Config& config_;
  std::uint32_t interface_index_;
  std::uint32_t mtu_;
  net::Netlink netlink_;
  InterfaceSetup interface_;
  PolicyRouting policy_;
};

}  // namespace adit::host
