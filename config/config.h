// SPDX-License-Identifier: MIT
// One link's configuration as values, complete and valid: whoever holds a Config need not check it again. Made by
// `read_config` (reader.h) from the YAML file that docs/configuration.md describes; names here are the file's.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip.h"
#include "base/mac_address.h"
#include "config/problem.h"
#include "crypto/keys.h"

namespace adit::config {

/// The tunnel's interface name limit: IFNAMSIZ less the terminating zero.
inline constexpr std::size_t kMaxInterfaceName = 15;
inline constexpr std::uint32_t kMinMtu = 576;     ///< 1280 where the interface has IPv6 addresses (RFC 8200 §5)
inline constexpr std::uint32_t kMaxMtu = 65'455;  ///< 65,535 less IPv6, UDP and WireGuard overhead (40 + 8 + 32)
inline constexpr std::chrono::seconds kDefaultKeepalive{25};
inline constexpr std::uint32_t kMinBuffer = 64 * 1024;           ///< room for one super-packet
inline constexpr std::uint32_t kMaxBuffer = 1024 * 1024 * 1024;  ///< the kernel keeps twice the size in an int

inline constexpr std::size_t kMaxAddresses = 256;  ///< and of endpoints
inline constexpr std::size_t kMaxUplinks = 8;
inline constexpr std::size_t kMaxSubnets = 16'384;  ///< of allowed_ips and routes each

/// Whether traffic that is to go through the link may go elsewhere while the link is not there.
enum class KillSwitch : std::uint8_t {
  automatic,  ///< on where the routes lead everything, or nearly, through the link; else off
  on,         ///< no, until an orderly stop
  off,        ///< yes
  always,     ///< no, after a stop neither
};

/// What the interface hands over.
enum class Mode : std::uint8_t {
  tun,  ///< IP packets
  tap,  ///< Ethernet frames
};

/// Of an interface for frames. They travel in GRE packets between two addresses that no host has.
struct Tap {
  std::optional<MacAddress> given_mac;
  MacAddress mac;      ///< the given one, or made of the interface's name and this end's key
  std::string bridge;  ///< the interface is put into that one; empty: into none
  std::optional<IpNetwork> tunnel_address;
  std::optional<IpAddress> tunnel_peer;
  /// The ends of the GRE packets: as given, or as the order of the two public keys has it.
  IpAddress ours;
  IpAddress peers;
};

struct Interface {
  std::string name;
  Mode mode = Mode::tun;
  Tap tap;                                    ///< means something in that mode only
  std::vector<IpNetwork> addresses;           ///< may have host bits; at least one, unless it is for frames
  std::vector<IpAddress> peer_addresses;      ///< n-th of a family: the far end of the n-th address of that family
  std::optional<std::uint32_t> mtu;           ///< none: auto
  std::optional<std::uint32_t> queue_length;  ///< packets
  std::optional<std::uint32_t> owner;         ///< user id
  std::optional<std::uint32_t> group;         ///< group id
  bool persist = false;                       ///< the interface outlives the daemon
  bool multicast = false;                     ///< IFF_MULTICAST
  KillSwitch kill_switch = KillSwitch::automatic;
  std::string netns;     ///< a name or an absolute path; empty: where the daemon is
  bool forward = false;  ///< the host forwards packets, in the families of `addresses`
};

struct Listen {
  IpAddress address;       ///< none: all, of both families
  std::uint16_t port = 0;  ///< 0: any
  friend bool operator==(const Listen&, const Listen&) = default;
};

struct Local {
  crypto::PrivateKey private_key;
  /// Where an imported link's key is to be read from, since the import does not: `private_key` is all zero then. Of a
  /// link that runs it is empty.
  std::filesystem::path private_key_file;
  Listen listen;
  std::optional<std::string> device;  ///< SO_BINDTODEVICE
  /// In place of `device`: several, the most preferred first. The sockets are bound to none of them.
  std::vector<std::string> uplinks;
  std::optional<std::uint32_t> fwmark;  ///< SO_MARK
};

struct EndpointName {
  std::string host;  ///< a name or an address without brackets
  std::uint16_t port = 0;
  friend auto operator<=>(const EndpointName&, const EndpointName&) = default;
};

/// HOST:PORT, an IPv6 address in brackets.
std::string to_string(const EndpointName& name);

struct Peer {
  crypto::PublicKey public_key;
  crypto::PresharedKey preshared_key;  ///< all zero: none
  bool has_preshared_key = false;
  std::filesystem::path preshared_key_file;  ///< where it came from; empty: from somewhere else
  std::vector<EndpointName> endpoints;       ///< in order of preference; empty: the peer calls us
  std::optional<std::chrono::seconds> keepalive = kDefaultKeepalive;  ///< none: off; 1 s to 65,535 s
  std::vector<IpNetwork> allowed_ips;                                 ///< without host bits; the default is filled in
};

inline constexpr std::uint32_t kMainTable = 254;  ///< RT_TABLE_MAIN

struct Route {
  IpNetwork to;  ///< without host bits; `default` has become one route a family, also one the interface has not
  std::optional<std::uint32_t> metric;
  std::optional<std::uint32_t> table;  ///< none: main
  std::optional<IpAddress> source;
  /// Everything this host sends, as opposed to what one routing table is asked for: has neither metric nor source.
  bool is_default_of_host() const { return to.prefix == 0 && !table; }
  friend bool operator==(const Route&, const Route&) = default;
};

enum class LogLevel : std::uint8_t { trace, debug, info, warn, error };

enum class Switch : std::uint8_t {
  automatic,  ///< what the kernel has
  off,        ///< never
  on,         ///< or the link does not start
};

/// More would find nothing to do: what is done in order by one at a time takes a third of the time (docs/threads.md).
inline constexpr std::uint32_t kMaxWorkers = 16;
/// What TCP's largest segment (MSS) is lowered to in the SYNs that pass.
struct MssClamp {
  bool on = true;
  std::uint32_t most = 0;  ///< 0: what fits the MTU as it is at the time
  friend bool operator==(const MssClamp&, const MssClamp&) = default;
};
inline constexpr std::uint32_t kMinMss = 88;      ///< Linux' own least
inline constexpr std::uint32_t kMaxMss = 65'495;  ///< the largest IP packet less its headers
inline constexpr std::uint32_t kMaxStormLimit = 10'000'000;

struct Tuning {
  std::string crypto = "auto";  ///< or one of crypto::backend_names(), which this machine need not have
  Switch tun_offload = Switch::automatic;
  Switch udp_offload = Switch::automatic;
  std::optional<std::uint32_t> receive_buffer;  ///< of the UDP sockets, in bytes; none: auto
  std::optional<std::uint32_t> send_buffer;     ///< likewise
  std::optional<std::uint32_t> workers;         ///< threads that move packets, 1 to kMaxWorkers; none: auto
  MssClamp mss_clamp;
  bool path_probe = true;         ///< with an automatic MTU: find out what the path carries by asking the peer
  bool copy_dscp = false;         ///< the inner packet's DSCP goes onto the outer header
  std::uint32_t storm_limit = 0;  ///< frames a second to all or to many, with Mode::tap; 0: off
  friend bool operator==(const Tuning&, const Tuning&) = default;
};

inline constexpr std::chrono::seconds kDefaultHookTimeout{10};
inline constexpr std::chrono::seconds kMaxHookTimeout{300};
inline constexpr std::size_t kMaxHooks = 16;
inline constexpr std::size_t kMaxHookText = 32 * 1024;  ///< of all its words; the kernel takes no word of 128 KiB

/// A command to run when the link comes, goes, or is in another state.
struct Hook {
  std::vector<std::string> words;  ///< at least one
  bool shell = false;              ///< the only word is for /bin/sh -c; else the first is the program
  std::chrono::seconds timeout = kDefaultHookTimeout;
  bool required = false;  ///< of `up`: the link does not go on without
  friend bool operator==(const Hook&, const Hook&) = default;
};

/// In the order in which they are to run.
struct Hooks {
  std::vector<Hook> up;
  std::vector<Hook> down;
  std::vector<Hook> state;
  friend bool operator==(const Hooks&, const Hooks&) = default;
};

/// What a link lacks that `wg` sets up; never that of a file. Keys that nobody has stand in for what is missing, so
/// that it is a link like any other.
struct Missing {
  bool private_key = false;
  bool peer = false;
};

inline constexpr std::string_view kAllNames = "~.";

/// The name servers that are to be asked through the tunnel, and for what.
struct Dns {
  std::vector<IpAddress> servers;
  /// Names without a final dot. "~" before one: only asked for, not appended to short names; "~." is for all names.
  /// Not without servers.
  std::vector<std::string> domains;
  friend bool operator==(const Dns&, const Dns&) = default;
};

struct Config {
  std::string name;  ///< the link's: the file's name without .yaml
  std::string file;  ///< as given; empty: there is none, and `wg` sets the link up
  Interface interface;
  Local local;
  Peer peer;
  std::vector<Route> routes;
  LogLevel log_level = LogLevel::info;
  Tuning tuning;
  Hooks hooks;
  Dns dns;
  Missing missing;
  /// What stands for the link on its host (host/link_number.h), once the daemon has found it out; 0: not yet.
  std::uint32_t number = 0;
  std::vector<std::filesystem::path> key_files;  ///< that it names, and was read with
  std::vector<Problem> warnings;  ///< valid all the same, but hardly what was meant: to be logged at start
};

}  // namespace adit::config
