// SPDX-License-Identifier: MIT
#include "client/status_text.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <nlohmann/json.hpp>

#include "base/clock_text.h"

namespace adit::client {
namespace {

using nlohmann::ordered_json;

std::string text(const ordered_json& object, const char* name) {
  return object.at(name).get<std::string>();
}

/// For a terminal, by ECMA-48 (SGR).
int colour_of(std::string_view state) {
  constexpr int kRed = 31;
  constexpr int kGreen = 32;
  constexpr int kYellow = 33;
  if (state == "up") return kGreen;
  return state == "stale" || state == "failed" ? kRed : kYellow;
}

std::string first_line(const ordered_json& link, std::int64_t now, bool coloured) {
  const auto reason = text(link, "reason");
  const auto span = span_text(now - link.at("since").get<std::int64_t>());
  const auto state = text(link, "state");
  const auto shown = coloured ? fmt::format("\x1b[1m\x1b[{}m{}\x1b[0m", colour_of(state), state) : state;
  return fmt::format("{}: {} for {}{}{}\n", text(link, "name"), shown, span, reason.empty() ? "" : ": ", reason);
}

std::string peer_line(const ordered_json& peer) {
  const auto& endpoint = peer.at("endpoint");
  const auto where = endpoint.is_null()
                         ? std::string("no endpoint known")
                         : fmt::format("at {} ({})", endpoint.get<std::string>(), text(peer, "endpoint_source"));
  const auto& key = peer.at("public_key");
  return fmt::format("  peer       {} {}\n", key.is_null() ? "not set up," : key.get<std::string>(), where);
}

std::string handshake_line(const ordered_json& peer, std::int64_t now) {
  const auto& latest = peer.at("latest_handshake");
  if (latest.is_null()) return "  handshake  never\n";
  const auto& round_trip = peer.at("handshake_rtt_ms");
  return fmt::format("  handshake  {} ago{}\n", span_text(now - latest.get<std::int64_t>()),
                     round_trip.is_null() ? "" : fmt::format(", round trip {:.1f} ms", round_trip.get<double>()));
}

std::string amount(const ordered_json& traffic) {
  const auto packets = traffic.at("packets").get<std::uint64_t>();
  return fmt::format("{} in {} packet{}", bytes_text(traffic.at("bytes").get<std::uint64_t>()), packets,
                     packets == 1 ? "" : "s");
}

std::string drops_line(const ordered_json& drops) {
  std::string list;
  for (const auto& [reason, value] : drops.items()) {
    const auto count = value.get<std::uint64_t>();
    if (count != 0) list += fmt::format("{}{} {}", list.empty() ? "" : ", ", reason, count);
  }
  return list.empty() ? list : fmt::format("  dropped    {}\n", list);
}

/// The latest few: `--json` has them all.
std::string observation_lines(const ordered_json& link) {
  constexpr std::size_t kMost = 3;
  std::string lines;
  std::size_t count = 0;
  for (const auto& seen : link.value("observations", ordered_json::array())) {
    if (++count > kMost) break;
    const WallTime when{std::chrono::seconds(seen.at("last").get<std::int64_t>())};
    lines += fmt::format("  {:<10} {} {}\n", count == 1 ? "noticed" : "", time_of_day(when), text(seen, "sentence"));
  }
  return lines;
}

std::string wg_line(const ordered_json& link) {
  std::string list;
  for (const auto& key : link.value("changed_by_wg", std::vector<std::string>()))
    list += (list.empty() ? "" : ", ") + key;
  return list.empty() ? list : fmt::format("  by wg      {}: other than in the file, until the next reload\n", list);
}

/// An older daemon does not say.
std::string netns_text(const ordered_json& link) {
  const auto netns = link.value("netns", ordered_json());
  return netns.is_string() ? fmt::format(" in network namespace {}", netns.get<std::string>()) : std::string();
}

/// Likewise.
std::string mode_text(const ordered_json& link) {
  if (link.value("mode", "tun") != "tap") return {};
  const auto bridge = link.value("bridge", ordered_json());
  const auto in = bridge.is_string() ? " in " + bridge.get<std::string>() : std::string();
  const auto learnt = link.value("learnt_macs", ordered_json());
  if (!learnt.is_number()) return fmt::format(" for Ethernet frames{}", in);
  const auto count = learnt.get<std::uint64_t>();
  return fmt::format(" for Ethernet frames{} ({} MAC address{} behind it)", in, count, count == 1 ? "" : "es");
}

/// Likewise.
std::string device_text(const ordered_json& link) {
  const auto device = link.at("local").value("device", ordered_json());
  return device.is_string() ? fmt::format(", over {}", device.get<std::string>()) : std::string();
}

/// Only where there are fewer than the file asks for. Likewise.
std::string workers_line(const ordered_json& link) {
  const auto limit = link.value("workers_limited_by", ordered_json());
  if (!limit.is_string()) return {};
  const auto word = limit.get<std::string>();
  const std::string_view why = word == "processors" ? "no more processors may be used"
                               : word == "quota"    ? "the control group's quota has no more processors"
                                                    : "no more threads could be started";
  return fmt::format("  workers    {}, fewer than were asked for: {}\n", link.at("workers").get<std::uint64_t>(), why);
}

std::string routes_line(const ordered_json& routes) {
  std::string list;
  for (const auto& route : routes) list += (list.empty() ? "" : ", ") + text(route, "to");
  return list.empty() ? list : fmt::format("  routes     {}\n", list);
}

/// A link of an older aditd has no such list.
std::string blocked_line(const ordered_json& link) {
  std::string list;
  for (const auto& family : link.value("blocked", std::vector<std::string>()))
    list += (list.empty() ? "" : ", ") + family;
  return list.empty() ? list
                      : fmt::format(
                            "  blocked    {}: the default route stands for it, too, and the interface has no such "
                            "address: give it one, or name the other family's default alone\n",
                            list);
}

struct Offload {
  const char* key;
  std::string_view side;
  std::string_view part;
};
constexpr std::array kOffloads = std::to_array<Offload>({
    {"tun_tcp", "tun", "tcp"},
    {"tun_udp", "tun", "udp"},
    {"udp_send", "udp", "send"},
    {"udp_receive", "udp", "receive"},
});

/// Those in `state`, such as "tun tcp+udp, udp send".
std::string offloads_in(const ordered_json& offload, std::string_view state) {
  std::string list;
  std::string_view side;
  for (const auto& each : kOffloads) {
    if (text(offload, each.key) != state) continue;
    if (each.side == side) {
      list += fmt::format("+{}", each.part);
    } else {
      list += fmt::format("{}{} {}", list.empty() ? "" : ", ", each.side, each.part);
    }
    side = each.side;
  }
  return list;
}

}  // namespace

/// What is off because the file says so needs no words, what cannot be had does.
std::string offload_text(const ordered_json& offload) {
  const auto on = offloads_in(offload, "on");
  auto text = on.empty() ? std::string("off") : on;
  for (const auto* const state : {"refused", "unavailable"}) {
    if (const auto list = offloads_in(offload, state); !list.empty()) text += fmt::format("; {}: {}", state, list);
  }
  return text;
}

std::string bytes_text(std::uint64_t bytes) {
  constexpr std::array kUnits{"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  if (bytes < 1024) return fmt::format("{} B", bytes);
  auto amount = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (amount >= 1024 && unit + 1 < kUnits.size()) {
    amount /= 1024;
    ++unit;
  }
  return fmt::format("{:.1f} {}", amount, kUnits[unit]);
}

std::string span_text(std::int64_t seconds) {
  constexpr std::int64_t kMinute = 60;
  constexpr std::int64_t kHour = 60 * kMinute;
  constexpr std::int64_t kDay = 24 * kHour;
  seconds = std::max<std::int64_t>(seconds, 0);
  if (seconds < kMinute) return fmt::format("{} s", seconds);
  if (seconds < kHour) return fmt::format("{} min", seconds / kMinute);
  if (seconds < kDay) return fmt::format("{} h {} min", seconds / kHour, seconds % kHour / kMinute);
  return fmt::format("{} d {} h", seconds / kDay, seconds % kDay / kHour);
}

/// What the MTU is founded on, where that is more or less than the route.
std::string path_text(const ordered_json& link) {
  if (!link.contains("path")) return {};  // an older daemon
  const auto& path = link.at("path");
  const auto probe = text(path, "probe");
  if (probe == "unanswered") return " (by the route: the peer answers no probes)";
  if (probe != "working") return {};
  const auto size = path.at("size").get<std::uint32_t>();
  if (size >= link.at("mtu").get<std::uint32_t>()) return " (probed)";
  if (link.value("mode", "tun") == "tap") return fmt::format(" (probed: above {} in fragments)", size);
  return fmt::format(" (probed: IPv4 up to {}, IPv6 above that in fragments)", size);
}

std::string status_text(const ordered_json& link, std::int64_t now, bool coloured) {
  const auto& peer = link.at("peer");
  const auto& traffic = link.at("traffic");
  return first_line(link, now, coloured) + peer_line(peer) + handshake_line(peer, now) +
         fmt::format("  traffic    sent {}, received {}\n", amount(traffic.at("tx")), amount(traffic.at("rx"))) +
         drops_line(link.at("drops")) + routes_line(link.at("routes")) + blocked_line(link) +
         fmt::format("  interface  {}{}, MTU {}{}, listening on {}{}\n", text(link, "interface"),
                     mode_text(link) + netns_text(link), link.at("mtu").get<std::uint32_t>(), path_text(link),
                     text(link.at("local"), "listen"), device_text(link)) +
         fmt::format("  offload    {}\n", offload_text(link.at("offload"))) + workers_line(link) +
         observation_lines(link) + wg_line(link);
}

}  // namespace adit::client
