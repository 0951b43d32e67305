// SPDX-License-Identifier: MIT
// `interface.mtu: auto`: the interface's MTU as the way to the peer allows it, by what the route says and by asking the
// peer (path_search.h). The kernel then tells all others: its own connections, and those it forwards.
#pragma once

#include <optional>
#include <string>

#include "base/log.h"
#include "config/config.h"
#include "host/host_setup.h"
#include "link/path_report.h"
#include "link/path_search.h"
#include "path/data_path.h"

namespace adit::link {

/// tuning.mss_clamp, where packets of `size` bytes pass.
offload::MssLimits mss_limits(const config::Config& config, std::uint32_t size);

class PathMtu {
 public:
  /// The references must outlive it.
  struct Parts {
    const config::Config& config;
    host::HostSetup& host;
    tunnel::Tunnel& tunnel;
    path::DataPath& data_path;
    Log& log;
  };
  /// What is found out by asking is told to the kernel this often: it forgets it after ten minutes.
  static constexpr Duration kTellKernel = std::chrono::minutes(5);

  explicit PathMtu(const Parts& parts) : parts_(parts) {}

  /// The route to the peer was looked up.
  void route_is(const net::RouteInfo& route, Instant now);
  void event(const tunnel::ProbeEnded& event, Instant now);
  /// Asks what is to be asked now.
  void look(Instant now);
  /// When `look` has something to do; none: when something happens.
  std::optional<Instant> next_look(Instant now) const;
  /// Packets passed that make it worth a look. Cheap: asked each turn.
  bool data_waits(Instant now) const;
  /// A question went unanswered: the kernel may have heard why.
  bool in_doubt() const { return search_ && search_->in_doubt(); }
  PathReport report() const;
  /// What the way is too narrow for, as a sentence; empty: nothing.
  std::string left_out() const;

 private:
  /// What the datagrams' way depends on, and who is asked how wide it is.
  struct Place {
    IpAddress remote;
    std::uint32_t interface = 0;
    IpAddress source;
    IpAddress asked;
    friend bool operator==(const Place&, const Place&) = default;
  };

  PathProbe possible() const;
  std::uint32_t overhead() const;
  void note_data(Instant now);
  void fit(Instant now);
  void fit_segments();
  void fit_fragments(std::uint32_t least, Instant now);
  void tell_kernel(std::uint32_t mtu);
  void tell();

  Parts parts_;
  std::optional<PathSearch> search_;  ///< none: nobody is to be asked, or can be
  Place place_;
  std::uint32_t route_mtu_ = 0;
  std::uint32_t top_ = 0;  ///< what the route allows inside
  /// Less passes than the interface must take: what the kernel was told.
  struct Narrow {
    std::uint32_t size = 0;  ///< 0: it does not
    Instant told_at{};
  } narrow_;
  PathProbe told_ = PathProbe::searching;
  /// Status::sent, received and large, when they were looked at last.
  struct Seen {
    std::uint64_t packets = 0;
    std::uint64_t large = 0;
  } seen_;
};

}  // namespace adit::link
