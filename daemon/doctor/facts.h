// SPDX-License-Identifier: MIT
// All that the checks judge by, gathered once and beforehand, as plain values: what could not be had is none, or says
// why in words. The private key is within `config`; nothing here is printed as a whole.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/ip.h"
#include "base/time.h"
#include "client/control_client.h"
#include "config/config.h"
#include "doctor/firewall.h"
#include "net/netlink_route.h"

namespace adit::doctor {

/// Of CAP_NET_ADMIN in a mask of capabilities.
inline constexpr std::uint64_t kNetAdmin = std::uint64_t{1} << 12;

enum class FileState : std::uint8_t { valid, invalid, missing, forbidden };

struct FileFacts {
  FileState state = FileState::missing;
  std::optional<config::Config> config;   ///< only if valid
  std::vector<config::Problem> problems;  ///< only if not
  unsigned mode = 0;                      ///< permission bits; 0: not known
  std::string owner;
  /// What the running daemon's user would find, where that is not who asks: none if it was not tried.
  std::optional<std::vector<config::Problem>> for_daemon;
  std::string daemon_user;
};

/// docs/control-socket.md. What an older or newer daemon does not say is empty.
struct Observation {
  std::string kind;
  std::string sentence;
  std::string from;  ///< empty: from nowhere in particular
  std::uint64_t count = 0;
  std::int64_t last = 0;  ///< seconds since 1970
};

struct LinkStatus {
  std::string interface;
  std::string netns;  ///< empty: where the daemon is
  std::string state;
  std::string reason;
  std::int64_t since = 0;
  std::string local_key;  ///< empty: none yet
  std::string peer_key;   ///< likewise
  std::string endpoint;   ///< empty: not known
  std::string endpoint_source;
  std::optional<std::int64_t> latest_handshake;
  std::string listen;
  std::string device;  ///< that its datagrams leave by, of those that local.device names; empty: it names none
  std::uint16_t port = 0;
  std::uint32_t mtu = 0;
  std::uint64_t sent_packets = 0;
  std::uint64_t received_packets = 0;
  std::map<std::string, std::uint64_t> drops;
  std::map<std::string, std::string> offload;
  std::vector<IpNetwork> routes;
  std::vector<Observation> observations;
  std::vector<std::string> changed_by_wg;  ///< keys of the file
};

struct DaemonFacts {
  std::optional<client::AskFailure> failure;  ///< none: it answered
  std::string sentence;                       ///< why there is no answer, and the next step
  std::optional<LinkStatus> status;
  std::optional<int> pid;
  std::optional<std::uint32_t> uid;
  std::optional<std::uint64_t> capabilities;  ///< effective
  bool has_file = true;                       ///< else `wg` sets the link up (docs/wg.md)
};

struct UnitFacts {
  std::string why_not;                            ///< not empty: nothing is known of it
  std::map<std::string, std::string> properties;  ///< as `systemctl show` has them
};

struct HostFacts {
  bool is_root = false;
  std::uint64_t capabilities = 0;  ///< of whoever asks
  bool in_user_namespace = false;  ///< where CAP_NET_ADMIN says less
  std::string tun_problem;         ///< empty: the device is there and may be opened
  std::string tun_mend;
  bool has_ipv6 = true;
  std::map<std::string, int> ipv6_disabled;  ///< by interface, "all" too
  std::optional<bool> forwards_v4;
  std::optional<bool> forwards_v6;
  std::optional<std::uint64_t> misdirected;   ///< packets to addresses that are not this host's, and were not forwarded
  std::map<std::string, int> rp_filter;       ///< by interface, "all" too
  std::map<std::string, int> src_valid_mark;  ///< likewise
  std::map<std::string, int> proxy_arp;       ///< likewise
  std::optional<std::uint64_t> rmem_max;
  std::optional<std::uint64_t> wmem_max;
  WallTime now{};
  std::optional<WallTime> saved_timestamp;
  std::optional<bool> clock_synchronised;
  std::string state_directory;
  std::string state_problem;  ///< empty: it can be written
  std::string state_unknown;  ///< not empty: why that is not known
};

/// What the kernel can do with many packets at once, tried in a network namespace that was made for it.
struct OffloadTest {
  std::string why_not;  ///< not empty: not tried
  bool udp_send = false;
  bool udp_receive = false;
  bool delivered = false;  ///< the datagrams sent at once arrived, each as it was
  bool tun_tcp = false;
  bool tun_udp = false;
};

struct InterfaceFacts {
  std::string name;
  std::uint32_t index = 0;
  bool up = false;
  bool is_tun = false;
  std::uint32_t mtu = 0;
  std::vector<IpNetwork> addresses;  ///< with host bits
  std::string bridge;                ///< the one that it is in, or the like (bond, VRF); empty: none
  bool is_bridge = false;
  bool stp = false;                        ///< of a bridge
  std::optional<std::uint8_t> port_state;  ///< of a bridge's port: BR_STATE_*
};

struct RouteFacts {
  IpNetwork to;
  std::string interface;  ///< empty: none, or several
  std::uint32_t metric = 0;
  std::uint32_t table = 0;
};

struct NetworkFacts {
  std::string why_not;  ///< not empty: the kernel would not tell
  std::vector<InterfaceFacts> interfaces;
  std::vector<RouteFacts> routes;     ///< of all tables but `local`
  std::vector<std::string> bypasses;  ///< of the running link, as host::find_bypasses has them
  bool blocked = false;               ///< the link, in this run or an earlier one, has routes that lead nowhere

  const InterfaceFacts* find(const std::string& name) const;
};

/// The UDP port of local.listen. Tried only while the daemon does not have it.
struct PortFacts {
  std::optional<std::string> problem;  ///< a sentence with the next step; none: it is free, or was not tried
  bool tried = false;
  std::vector<std::string> owners;         ///< of a port that is in use
  std::optional<std::uint64_t> overflows;  ///< datagrams the kernel threw away, as the daemon's buffer was full
};

struct EndpointFacts {
  std::string name;  ///< HOST:PORT
  std::vector<Endpoint> addresses;
  std::string error;
  std::string elsewhere;  ///< with an error: the address that other programs of this host know (NSS); empty: none
};

/// From here to one address of the peer.
struct WayFacts {
  Endpoint to;
  std::optional<net::RouteInfo> route;
  std::string interface;
  std::string error;
};

/// What became of echo requests with DF through the link.
struct ProbeFacts {
  std::string why_not;  ///< not empty: none were sent
  std::string address;
  std::uint32_t mtu = 0;      ///< the largest that was tried: the interface's
  bool answers = false;       ///< to a small one
  std::uint32_t largest = 0;  ///< that was answered, as an IP packet; 0: none
};

struct PathFacts {
  std::vector<EndpointFacts> endpoints;
  std::vector<WayFacts> ways;
  FirewallFacts firewall;
  ProbeFacts probe;
};

struct Facts {
  std::string name;
  std::string file;
  FileFacts file_facts;
  DaemonFacts daemon;
  UnitFacts unit;
  HostFacts host;
  OffloadTest offload;
  NetworkFacts network;
  std::optional<NetworkFacts> elsewhere;  ///< of interface.netns, where there is one
  PortFacts port;
  PathFacts path;

  const config::Config* config() const { return file_facts.config ? &*file_facts.config : nullptr; }
  const LinkStatus* status() const { return daemon.status ? &*daemon.status : nullptr; }
  bool up() const { return daemon.status && daemon.status->state == "up"; }
  /// How often the daemon dropped something for that reason.
  std::uint64_t dropped(const std::string& reason) const;
  /// Sentences of the daemon's observations of that kind.
  std::vector<std::string> observed(const std::string& kind) const;
  /// The daemon observed nothing of that kind for a while: it says little about now.
  bool is_old_news(const std::string& kind) const;
  /// The tunnel's, as far as anybody knows.
  std::string interface_name() const;
  /// interface.netns likewise; empty: none.
  std::string netns() const;
  /// The network that the tunnel's interface is part of.
  const NetworkFacts& around_interface() const { return elsewhere ? *elsewhere : network; }
};

}  // namespace adit::doctor
