// SPDX-License-Identifier: MIT
#include <fmt/core.h>
#include <linux/rtnetlink.h>

#include <algorithm>

#include "base/clock_text.h"
#include "client/status_text.h"
#include "config/subnet_set.h"
#include "doctor/checks.h"
#include "host/host_plan.h"

namespace adit::doctor {
namespace {

using std::chrono::seconds;

constexpr int kStrict = 1;
/// 2026-01-01: before this program was written.
constexpr seconds kBeforeAdit{1'767'225'600};
/// What state_store.h adds after a boot, and as much again.
constexpr seconds kClockSlack{120};
/// What the daemon asks for by itself (docs/configuration.md, tuning).
constexpr std::uint64_t kReceiveBuffer = 7 << 20;
constexpr std::uint64_t kSendBuffer = 1 << 20;
/// One in so many may overflow a buffer before it is worth a word.
constexpr std::uint64_t kBearable = 1000;

/// The kernel takes the larger of the two. An interface that is not there yet will get the default.
int filter_of(const std::map<std::string, int>& values, const std::string& interface) {
  const auto of = [&](const std::string& name) {
    const auto found = values.find(name);
    return found == values.end() ? 0 : found->second;
  };
  return std::max(of("all"), values.contains(interface) ? of(interface) : of("default"));
}

bool is_plain(const config::Route& route) {
  return !route.table;
}

/// IPv4 subnets the peer may send from although this host's main table does not lead back into the tunnel.
Evidence one_way_subnets(const config::Config& config) {
  if (config.interface.mode == config::Mode::tap) return {};  // no host has what is allowed there
  config::SubnetSet led;
  for (const auto& address : config.interface.addresses) led.add(address.network());
  for (const auto& route : config.routes) {
    if (is_plain(route)) led.add(route.to);
  }
  Evidence list;
  for (const auto& allowed : config.peer.allowed_ips) {
    if (allowed.family() == Family::v4 && !led.covers(allowed)) list.push_back(to_string(allowed));
  }
  return list;
}

/// Routes that are more precise than `default` keep leading back to where the peer's packets come from.
bool is_near(const NetworkFacts& network, const WayFacts& way) {
  return std::ranges::any_of(network.routes, [&](const RouteFacts& route) {
    return route.table == RT_TABLE_MAIN && route.to.prefix != 0 && route.interface == way.interface &&
           route.to.contains(way.to.address);
  });
}

bool leads_to_subnets(const config::Config& config, Family family) {
  return std::ranges::any_of(config.routes, [family](const config::Route& route) {
    return route.to.family() == family && route.to.prefix != 0;
  });
}

bool is_towards_peer(const Facts& facts, const std::string& interface) {
  return std::ranges::any_of(facts.path.ways, [&](const WayFacts& way) { return way.interface == interface; });
}

/// An interface that is neither the tunnel nor the way to the peer: this host stands between networks.
std::string inner_interface(const Facts& facts, Family family) {
  for (const auto& each : facts.network.interfaces) {
    if (!each.up || each.name == "lo" || each.name == facts.interface_name() || is_towards_peer(facts, each.name)) {
      continue;
    }
    for (const auto& address : each.addresses) {
      if (address.family() == family && !address.address.is_link_local()) {
        return fmt::format("{} has {}", each.name, to_string(address));
      }
    }
  }
  return {};
}

std::string elsewhere(const Facts& facts) {
  return fmt::format("the interface is in the network namespace {}, whose settings are not looked at", facts.netns());
}

bool is_disabled(const HostFacts& host, const std::string& interface) {
  const auto of = [&](const std::string& name) {
    const auto found = host.ipv6_disabled.find(name);
    return found != host.ipv6_disabled.end() && found->second != 0;
  };
  return host.ipv6_disabled.contains(interface) ? of(interface) : of("default") || of("all");
}

bool has_address(const config::Config& config, Family family) {
  return std::ranges::find(config.interface.addresses, family, &IpNetwork::family) != config.interface.addresses.end();
}

}  // namespace

Finding judge_ipv6(const Facts& facts) {
  const auto* const config = facts.config();
  if (config == nullptr) return skipped("there is no valid file");
  if (!facts.netns().empty()) return skipped(elsewhere(facts));
  if (!host::carries_v6(*config)) return ok("the tunnel has no IPv6 addresses, and needs none");
  const auto& interface = facts.interface_name();
  if (!facts.host.has_ipv6) {
    return problem("the file has IPv6 addresses, and this host's kernel has no IPv6", {"/proc/net/if_inet6 is missing"},
                   "take the IPv6 addresses out of interface.addresses, or boot without ipv6.disable=1");
  }
  if (!is_disabled(facts.host, interface)) return ok("IPv6 is on, as the tunnel's addresses need it");
  return problem("the file has IPv6 addresses, and IPv6 is switched off on this host",
                 {fmt::format("net.ipv6.conf.{}.disable_ipv6 is 1",
                              facts.host.ipv6_disabled.contains(interface) ? interface : "default")},
                 "take the IPv6 addresses out of interface.addresses, or `sysctl -w net.ipv6.conf.all.disable_ipv6=0`");
}

Finding judge_rp_filter(const Facts& facts) {
  const auto* const config = facts.config();
  if (config == nullptr) return skipped("there is no valid file");
  if (!facts.netns().empty()) return skipped(elsewhere(facts));
  const auto families = host::default_families(*config);
  const bool whole_host = std::ranges::find(families, Family::v4) != families.end();
  for (const auto& way : facts.path.ways) {
    const bool concerned =
        whole_host && way.to.address.is_v4() && !way.interface.empty() && !is_near(facts.network, way);
    // What comes in bears the link's, as long as its table is there.
    const bool is_marked = facts.status() == nullptr || !facts.path.firewall.lacks_shield;
    const bool marks_count = is_marked && filter_of(facts.host.src_valid_mark, way.interface) != 0;
    if (!concerned || marks_count || filter_of(facts.host.rp_filter, way.interface) != kStrict) continue;
    return problem(
        fmt::format("the reverse path filter of {} drops the peer's answers, as the default route leads into "
                    "the link",
                    way.interface),
        {fmt::format("net.ipv4.conf.{}.rp_filter or that of all is 1 (strict)", way.interface)},
        fmt::format("sysctl -w net.ipv4.conf.all.rp_filter=2 net.ipv4.conf.{}.rp_filter=2 (loose)", way.interface));
  }
  const auto interface = facts.interface_name();
  const auto one_way = one_way_subnets(*config);
  if (filter_of(facts.host.rp_filter, interface) != kStrict || one_way.empty()) {
    return ok("the reverse path filter is not in the way");
  }
  return warning(
      fmt::format("the reverse path filter of {} drops what the peer sends from {}", interface, joined(one_way, ", ")),
      {fmt::format("net.ipv4.conf.{}.rp_filter or that of all is 1 (strict)", interface),
       "the main routing table does not lead there through the tunnel"},
      fmt::format("sysctl -w net.ipv4.conf.all.rp_filter=2 net.ipv4.conf.{}.rp_filter=2 (loose), or add them to "
                  "routes",
                  interface));
}

Finding judge_forwarding(const Facts& facts) {
  const auto* const config = facts.config();
  if (config == nullptr) return skipped("there is no valid file");
  if (!facts.netns().empty()) return skipped(elsewhere(facts));
  const auto& host = facts.host;
  for (const auto family : {Family::v4, Family::v6}) {
    const auto& forwards = family == Family::v4 ? host.forwards_v4 : host.forwards_v6;
    const bool asked_for = config->interface.forward && has_address(*config, family);
    if ((!asked_for && !leads_to_subnets(*config, family)) || forwards.value_or(true)) continue;
    Evidence seen;
    if (asked_for)
      seen.emplace_back("interface.forward is true in the file; where the daemon may not change it, its log says so");
    if (auto inner = inner_interface(facts, family); !inner.empty()) seen.push_back(std::move(inner));
    if (family == Family::v4 && host.misdirected.value_or(0) > 0) {
      seen.push_back(fmt::format("{} packets for other hosts came here and were dropped", *host.misdirected));
    }
    if (seen.empty()) continue;
    const auto* const name = family == Family::v4 ? "net.ipv4.ip_forward" : "net.ipv6.conf.all.forwarding";
    seen.insert(seen.begin(), fmt::format("{} is 0", name));
    return warning(fmt::format("this host does not forward {}: other hosts cannot use the link through it",
                               family == Family::v4 ? "IPv4" : "IPv6"),
                   seen, fmt::format("sysctl -w {0}=1, and `{0} = 1` in /etc/sysctl.d/90-adit.conf to keep it", name));
  }
  return ok("forwarding is on, or nothing needs it");
}

Finding judge_clock(const Facts& facts) {
  const auto& host = facts.host;
  const auto now = std::chrono::duration_cast<seconds>(host.now.since_epoch);
  Evidence seen{fmt::format("it is {} UTC", date_and_time_utc(host.now))};
  if (host.clock_synchronised) {
    seen.push_back(*host.clock_synchronised ? "the kernel says it is synchronised"
                                            : "the kernel knows of no synchronisation");
  }
  if (now < kBeforeAdit) {
    return problem("the clock is far in the past: a peer that has seen later handshakes refuses ours", seen,
                   "set the clock (timedatectl set-ntp true), or see to the clock's battery");
  }
  if (host.saved_timestamp) {
    const auto ahead = std::chrono::duration_cast<seconds>(host.saved_timestamp->since_epoch) - now;
    if (ahead > kClockSlack) {
      seen.push_back(fmt::format("the last handshake was sent {} later than now", client::span_text(ahead.count())));
      return warning("the clock went back; this end goes on from the last timestamp it sent, others may not", seen,
                     "set the clock (timedatectl set-ntp true)");
    }
  }
  return ok("the clock is sane", seen);
}

Finding judge_buffers(const Facts& facts) {
  const auto& host = facts.host;
  // The daemon counts what it has heard of, the kernel what there was.
  if (const auto lost = std::max(facts.port.overflows.value_or(0), facts.dropped("receive_buffer_full")); lost > 0) {
    const auto received = facts.status() != nullptr ? facts.status()->received_packets : 0;
    const Evidence seen{
        fmt::format("{} datagrams did not fit, {} packets were received (receive_buffer_full; drops in /proc/net/udp)",
                    lost, received)};
    if (lost > received / kBearable) {
      return warning("the kernel throws datagrams away, since the link's receive buffer is full", seen,
                     "raise tuning.receive_buffer; if the daemon uses a whole processor, it is that which is too slow");
    }
  }
  const auto* const config = facts.config();
  if (config == nullptr) return skipped("there is no valid file");
  const auto capabilities = facts.daemon.capabilities.value_or(kNetAdmin);
  if ((capabilities & kNetAdmin) != 0 && !host.in_user_namespace) return ok("the daemon may have buffers of any size");
  const auto& tuning = config->tuning;
  Evidence seen;
  const auto compare = [&](const char* limit, std::optional<std::uint64_t> most, std::uint64_t wanted) {
    if (most && *most < wanted)
      seen.push_back(fmt::format("net.core.{} is {}, and {} are wanted", limit, *most, wanted));
  };
  compare("rmem_max", host.rmem_max, tuning.receive_buffer.value_or(kReceiveBuffer));
  compare("wmem_max", host.wmem_max, tuning.send_buffer.value_or(kSendBuffer));
  if (seen.empty()) return ok("the limits of UDP buffers leave room");
  return warning("the link's UDP buffers are smaller than wanted: bursts are lost", seen,
                 fmt::format("sysctl -w net.core.rmem_max={} net.core.wmem_max={}",
                             tuning.receive_buffer.value_or(kReceiveBuffer), tuning.send_buffer.value_or(kSendBuffer)));
}

Finding judge_offload(const Facts& facts) {
  const auto& test = facts.offload;
  Evidence refused;
  if (facts.status() != nullptr) {
    for (const auto& [name, state] : facts.status()->offload) {
      if (state == "refused") refused.push_back(fmt::format("{} was refused by the kernel or the network card", name));
    }
  }
  if (!refused.empty()) {
    return warning("an offload failed when it was used; the link does without, and is slower", refused,
                   "update the network card's driver or firmware, or switch it off for good (tuning.udp_offload or "
                   "tuning.tun_offload: off)");
  }
  if (!test.why_not.empty()) return skipped(test.why_not);
  const auto word = [](bool there) { return there ? "yes" : "no"; };
  const Evidence seen{fmt::format("UDP send {}, UDP receive {}, TUN with TCP {}, TUN with UDP {}", word(test.udp_send),
                                  word(test.udp_receive), word(test.tun_tcp), word(test.tun_udp))};
  if (!test.delivered) {
    return problem("datagrams sent many at once do not arrive as they were, even on this host's own loopback", seen,
                   "tuning.udp_offload: off, and report the kernel's version to those who make it");
  }
  const auto* const config = facts.config();
  const bool udp_wanted = config != nullptr && config->tuning.udp_offload == config::Switch::on;
  const bool tun_wanted = config != nullptr && config->tuning.tun_offload == config::Switch::on;
  if ((udp_wanted && !(test.udp_send && test.udp_receive)) || (tun_wanted && !test.tun_tcp)) {
    return problem("the file says `on` for an offload that this kernel does not have", seen,
                   "say auto in tuning, or update the kernel");
  }
  return ok("the offloads of this kernel work", seen);
}

}  // namespace adit::doctor
