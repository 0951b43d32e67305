// SPDX-License-Identifier: MIT
#include "link/endpoints.h"

#include <algorithm>

namespace adit::link {
namespace {

bool contains(std::span<const Endpoint> endpoints, const Endpoint& endpoint) {
  return std::ranges::find(endpoints, endpoint) != endpoints.end();
}

}  // namespace

/// In the order of preference, each once; where the peer was last found comes first among the addresses of its name,
/// and last when it belongs to none.
std::vector<Endpoint> Endpoints::candidates() const {
  std::vector<Endpoint> list;
  const auto add = [&list](const Endpoint& endpoint) {
    if (!contains(list, endpoint)) list.push_back(endpoint);
  };
  for (const auto& name : names_) {
    if (found_ && contains(name.addresses, *found_)) add(*found_);
    for (const auto& address : name.addresses) add(address);
  }
  if (found_) add(*found_);
  return list;
}

std::optional<Endpoint> Endpoints::first() const {
  for (const auto& name : names_) {
    if (!name.asked && !waited_) return std::nullopt;
    if (!name.addresses.empty()) break;
  }
  const auto list = candidates();
  return list.empty() ? std::nullopt : std::optional(list.front());
}

std::optional<Endpoint> Endpoints::call_if_nobody(const Line& line) const {
  return line.remote.known() ? std::nullopt : first();
}

std::optional<Endpoint> Endpoints::resolved(std::size_t name, std::span<const Endpoint> addresses, const Line& line) {
  const auto before = candidates();
  names_.at(name).addresses.assign(addresses.begin(), addresses.end());
  names_.at(name).asked = true;
  if (line.alive) return std::nullopt;
  if (!line.remote.known()) return first();

  // An address not heard of before, and better than the one that does not answer, is worth a call at once: the name
  // has moved, or was slow to be resolved. What was known before gets its turn anyway.
  const auto list = candidates();
  const auto better = std::span(list.begin(), std::ranges::find(list, line.remote));
  const auto fresh = std::ranges::find_if(better, [&](const auto& endpoint) { return !contains(before, endpoint); });
  return fresh == better.end() ? std::nullopt : std::optional(*fresh);
}

std::optional<Endpoint> Endpoints::unresolved(std::size_t name, const Line& line) {
  names_.at(name).asked = true;
  return call_if_nobody(line);
}

std::optional<Endpoint> Endpoints::stop_waiting(const Line& line) {
  waited_ = true;
  return call_if_nobody(line);
}

Endpoints::Advice Endpoints::initiation_sent(const Endpoint& to, bool alive, Instant now) {
  if (alive || to != tried_) {
    tried_ = to;
    tries_ = 0;
  }
  if (tries_++ == 0) tried_since_ = now;
  // Time counts too: every change in the network brings an initiation of its own, and those prove nothing.
  if (alive || tries_ <= kPatience || now - tried_since_ < kPatienceTime) return {};

  tries_ = 0;
  const auto list = candidates();
  const auto present = std::ranges::find(list, to);
  const auto next = present == list.end() ? list.begin() : present + 1;
  Advice advice{.resolve = next == list.end()};
  if (const auto& call = next == list.end() ? list.begin() : next; call != list.end() && *call != to) {
    advice.call = *call;
  }
  return advice;
}

}  // namespace adit::link
