// SPDX-License-Identifier: MIT
#include "control/status_report.h"

#include <nlohmann/json.hpp>

namespace adit::control {
namespace {

using nlohmann::ordered_json;
using tunnel::EndpointSource;

std::int64_t unix_seconds(WallTime time) {
  return std::chrono::floor<std::chrono::seconds>(time.since_epoch).count();
}

ordered_json source_name(EndpointSource source) {
  switch (source) {
    case EndpointSource::none:
      return nullptr;
    case EndpointSource::configured:
      return "configured";
    case EndpointSource::learned:
      return "learned";
  }
  return nullptr;
}

ordered_json key_text(const std::optional<crypto::PublicKey>& key) {
  return key ? ordered_json(crypto::to_base64(*key)) : ordered_json();
}

/// What is not known is null, never a zero that reads as 1970.
ordered_json peer(const Report& report) {
  const auto& status = report.status;
  ordered_json json;
  json["public_key"] = key_text(report.peer_key);
  json["endpoint"] = report.remote.known() ? ordered_json(to_string(report.remote)) : ordered_json();
  json["endpoint_source"] = source_name(status.endpoint_source);
  json["latest_handshake"] = status.handshake_at ? ordered_json(unix_seconds(status.handshake_time)) : ordered_json();
  json["handshake_rtt_ms"] = nullptr;
  if (status.round_trip) {
    const auto microseconds = std::chrono::duration_cast<std::chrono::microseconds>(*status.round_trip).count();
    json["handshake_rtt_ms"] = static_cast<double>(microseconds) / 1000;
  }
  json["keepalive"] = nullptr;
  if (report.keepalive) {
    json["keepalive"] = std::chrono::duration_cast<std::chrono::seconds>(*report.keepalive).count();
  }
  return json;
}

ordered_json traffic(const tunnel::Traffic& traffic) {
  return {{"packets", traffic.packets}, {"bytes", traffic.bytes}};
}

ordered_json drops(const tunnel::DropCounters& counters) {
  ordered_json json = ordered_json::object();
  for (std::size_t i = 0; i < tunnel::kDropReasons; ++i) {
    const auto reason = static_cast<tunnel::DropReason>(i);
    json[std::string(name_of(reason))] = counters[reason];
  }
  return json;
}

ordered_json offload(const path::OffloadReport& report) {
  ordered_json json;
  json["tun_tcp"] = name_of(report.tun_tcp);
  json["tun_udp"] = name_of(report.tun_udp);
  json["udp_send"] = name_of(report.udp_send);
  json["udp_receive"] = name_of(report.udp_receive);
  return json;
}

ordered_json path(const Report& report) {
  const auto& probes = report.status.probes;
  return {{"probe", name_of(report.path.probe)},
          {"size", report.path.size != 0 ? ordered_json(report.path.size) : ordered_json()},
          {"asked", probes.asked},
          {"answered", probes.answered}};
}

ordered_json routes(const std::vector<net::RouteSpec>& specs) {
  ordered_json json = ordered_json::array();
  for (const auto& spec : specs) {
    ordered_json route;
    route["to"] = to_string(spec.to);
    if (spec.metric) route["metric"] = *spec.metric;
    if (spec.table) route["table"] = *spec.table;
    if (spec.source) route["source"] = to_string(*spec.source);
    json.push_back(std::move(route));
  }
  return json;
}

ordered_json observations(const std::vector<link::Observation>& list) {
  ordered_json json = ordered_json::array();
  for (const auto& seen : list) {
    json.push_back({{"kind", seen.kind},
                    {"sentence", seen.sentence},
                    {"from", seen.from.known() ? ordered_json(to_string(seen.from)) : ordered_json()},
                    {"count", seen.count},
                    {"last", unix_seconds(seen.last)}});
  }
  return json;
}

ordered_json process(const ProcessFacts& facts) {
  return {{"pid", facts.pid}, {"cpu_seconds", facts.cpu_seconds}, {"memory_bytes", facts.memory_bytes}};
}

}  // namespace

ordered_json to_json(const std::vector<History::Amount>& amounts) {
  const auto list = [&amounts](tunnel::Traffic History::Amount::* direction, std::uint64_t tunnel::Traffic::* unit) {
    ordered_json json = ordered_json::array();
    for (const auto& amount : amounts) json.push_back(amount.*direction.*unit);
    return json;
  };
  const auto traffic = [&list](tunnel::Traffic History::Amount::* direction) {
    return ordered_json{{"packets", list(direction, &tunnel::Traffic::packets)},
                        {"bytes", list(direction, &tunnel::Traffic::bytes)}};
  };
  return {{"interval", std::chrono::duration_cast<std::chrono::seconds>(History::kInterval).count()},
          {"tx", traffic(&History::Amount::sent)},
          {"rx", traffic(&History::Amount::received)}};
}

ordered_json to_json(const Report& report) {
  ordered_json json;
  json["name"] = report.name;
  json["interface"] = report.interface;
  json["netns"] = report.netns.empty() ? ordered_json() : ordered_json(report.netns);
  json["mode"] = report.mac.empty() ? "tun" : "tap";
  json["mac"] = report.mac.empty() ? ordered_json() : ordered_json(report.mac);
  json["bridge"] = report.bridge.empty() ? ordered_json() : ordered_json(report.bridge);
  json["learnt_macs"] = report.learnt_macs ? ordered_json(*report.learnt_macs) : ordered_json();
  json["state"] = name_of(report.health.state);
  json["reason"] = report.health.reason;
  json["since"] = unix_seconds(report.since);
  json["peer"] = peer(report);
  json["local"] = {{"public_key", key_text(report.local_key)}, {"listen", report.listen}};
  json["local"]["device"] = report.device.empty() ? ordered_json() : ordered_json(report.device);
  json["traffic"] = {{"tx", traffic(report.status.sent)}, {"rx", traffic(report.status.received)}};
  json["drops"] = drops(report.status.drops);
  json["mtu"] = report.mtu;
  json["path"] = path(report);
  json["crypto"] = report.crypto;
  json["offload"] = offload(report.offload);
  json["routes"] = routes(report.routes);
  json["blocked"] = ordered_json::array();
  for (const auto family : report.blocked) json["blocked"].push_back(family == Family::v4 ? "IPv4" : "IPv6");
  json["observations"] = observations(report.observations);
  json["process"] = process(report.process);
  json["changed_by_wg"] = report.changed_by_wg;
  json["workers"] = report.workers.count;
  const auto limit = path::name_of(report.workers.limit);
  json["workers_limited_by"] = limit.empty() ? ordered_json() : ordered_json(limit);
  json["restarts"] = report.restarts;
  return json;
}

}  // namespace adit::control
