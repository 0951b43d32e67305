// SPDX-License-Identifier: MIT
#include "doctor/facts.h"

#include <fmt/core.h>

#include <algorithm>

namespace adit::doctor {

const InterfaceFacts* NetworkFacts::find(const std::string& name) const {
  const auto found = std::ranges::find(interfaces, name, &InterfaceFacts::name);
  return found == interfaces.end() ? nullptr : &*found;
}

std::uint64_t Facts::dropped(const std::string& reason) const {
  if (!daemon.status) return 0;
  const auto found = daemon.status->drops.find(reason);
  return found == daemon.status->drops.end() ? 0 : found->second;
}

std::vector<std::string> Facts::observed(const std::string& kind) const {
  std::vector<std::string> sentences;
  if (!daemon.status) return sentences;
  for (const auto& each : daemon.status->observations) {
    if (each.kind != kind) continue;
    sentences.push_back(each.count > 1 ? fmt::format("{} ({} times)", each.sentence, each.count) : each.sentence);
  }
  return sentences;
}

bool Facts::is_old_news(const std::string& kind) const {
  // A peer that calls does so every 5 s, a daemon that sends at least as often.
  constexpr std::chrono::seconds kOld{180};
  if (!daemon.status) return false;
  const auto now = std::chrono::duration_cast<std::chrono::seconds>(host.now.since_epoch);
  return std::ranges::any_of(daemon.status->observations, [&](const Observation& each) {
    return each.kind == kind && now - std::chrono::seconds(each.last) > kOld;
  });
}

std::string Facts::interface_name() const {
  if (daemon.status) return daemon.status->interface;
  return file_facts.config ? file_facts.config->interface.name : name;
}

std::string Facts::netns() const {
  if (daemon.status) return daemon.status->netns;
  return file_facts.config ? file_facts.config->interface.netns : std::string();
}

}  // namespace adit::doctor
