// SPDX-License-Identifier: MIT
#include "control/events.h"

#include <nlohmann/json.hpp>

namespace adit::control {
namespace {

using nlohmann::ordered_json;

ordered_json line(std::string_view event, const std::string& link, WallTime when) {
  const auto seconds = std::chrono::duration<double>(when.since_epoch).count();
  return {{"event", event}, {"link", link}, {"time", seconds}};
}

ordered_json text(const Endpoint& endpoint) {
  return endpoint.known() ? ordered_json(to_string(endpoint)) : ordered_json();
}

ordered_json text(const std::string& name) {
  return name.empty() ? ordered_json() : ordered_json(name);
}

void add_path(ordered_json& json, const link::PathReport& path) {
  json["probe"] = name_of(path.probe);
  json["size"] = path.size != 0 ? ordered_json(path.size) : ordered_json();
}

std::string as_line(const ordered_json& json) {
  return json.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

}  // namespace

std::vector<std::string> Events::changes(const EventFacts& now, WallTime when) {
  std::vector<std::string> lines;
  const bool first = !last_;
  moved_ = first || now.state != last_->state || now.endpoint != last_->endpoint;
  if (first || now.state != last_->state) {
    auto json = line("state", now.link, when);
    json["state"] = name_of(now.state);
    json["previous"] = first ? ordered_json() : ordered_json(name_of(last_->state));
    json["reason"] = now.reason;
    json["endpoint"] = text(now.endpoint);
    lines.push_back(as_line(json));
  }
  if (!first && now.endpoint != last_->endpoint) {
    auto json = line("endpoint", now.link, when);
    json["endpoint"] = text(now.endpoint);
    json["previous"] = text(last_->endpoint);
    json["device"] = text(now.device);
    json["previous_device"] = text(last_->device);
    lines.push_back(as_line(json));
  }
  if (!first && now.mtu != last_->mtu) {
    auto json = line("mtu", now.link, when);
    json["mtu"] = now.mtu;
    json["previous"] = last_->mtu;
    lines.push_back(as_line(json));
  }
  if (!first && (now.path.probe != last_->path.probe || now.path.size != last_->path.size)) {
    auto json = line("path", now.link, when);
    add_path(json, now.path);
    lines.push_back(as_line(json));
  }
  if (!first && now.put_back.times != last_->put_back.times) {
    auto json = line("put_back", now.link, when);
    json["count"] = now.put_back.count;
    json["what"] = now.put_back.what;
    json["by"] = text(now.put_back.by);
    lines.push_back(as_line(json));
  }
  if (now.bypasses != (first ? std::vector<std::string>() : last_->bypasses)) {
    auto json = line("bypass", now.link, when);
    json["what"] = now.bypasses;
    lines.push_back(as_line(json));
  }
  last_ = now;
  return lines;
}

std::string Events::now(WallTime when) const {
  auto json = line("now", last_ ? last_->link : "", when);
  if (last_) {
    json["state"] = name_of(last_->state);
    json["reason"] = last_->reason;
    json["endpoint"] = text(last_->endpoint);
    json["mtu"] = last_->mtu;
    add_path(json, last_->path);
  }
  return as_line(json);
}

std::string lost_line(std::uint64_t count) {
  return as_line({{"event", "lost"}, {"count", count}});
}

}  // namespace adit::control
