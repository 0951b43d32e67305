// SPDX-License-Identifier: MIT
#include "link/observations.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "link/health.h"

namespace adit::link {

using tunnel::DropReason;
using tunnel::name_of;

void Observations::handshake_refused(const tunnel::HandshakeRefused& event, WallTime now) {
  auto& refused = refused_[static_cast<std::size_t>(event.reason)];
  refused = {{.reason = event.reason, .from = event.from, .key = event.key, .when = now}, refused.count + 1};
}

std::vector<Observations::Disallowed> Observations::disallowed(const tunnel::Status& status, WallTime now) {
  std::vector<Disallowed> fresh;
  const auto sources = growth(sources_, status.drops[DropReason::disallowed_source]);
  if (sources != 0) {
    fresh.push_back({DropReason::disallowed_source, explain_disallowed_source(status.disallowed_source)});
    note(name_of(DropReason::disallowed_source), fresh.back().sentence, {}, sources, now);
  }
  const auto destinations = growth(destinations_, status.drops[DropReason::disallowed_destination]);
  if (destinations != 0 && !status.disallowed_destination.is_none()) {
    fresh.push_back(
        {DropReason::disallowed_destination, explain_disallowed_destination(status.disallowed_destination)});
    note(name_of(DropReason::disallowed_destination), fresh.back().sentence, {}, destinations, now);
  }
  return fresh;
}

void Observations::send_failed(const Endpoint& to, const std::string& error, std::uint64_t refused, WallTime now) {
  if (const auto times = growth(sends_, refused); times != 0) {
    note(name_of(DropReason::send_failed), explain_send_failure(to, error), to, times, now);
  }
}

void Observations::unresolved(const std::string& name, const std::string& error, WallTime now) {
  note("unresolved", fmt::format("{} has no address: {}", name, error), {}, 1, now);
}

void Observations::interface_renamed(const std::string& sentence, WallTime now) {
  note("interface_renamed", sentence, {}, 1, now);
}

void Observations::interface_moved(const std::string& sentence, WallTime now) {
  note("interface_moved", sentence, {}, 1, now);
}

bool Observations::endpoint_jumps(const std::string& sentence, const Endpoint& to, WallTime now) {
  return note("endpoint_jumps", sentence, to, 1, now) == 1;
}

std::uint64_t Observations::growth(std::uint64_t& seen, std::uint64_t counter) {
  return counter - std::exchange(seen, counter);
}

std::uint64_t Observations::note(std::string_view kind, std::string sentence, const Endpoint& from, std::uint64_t times,
                                 WallTime now) {
  auto place = std::ranges::find(kept_, kind, &Observation::kind);
  if (place == kept_.end()) place = kept_.insert(place, Observation{.kind = kind});
  *place = {kind, std::move(sentence), from, place->count + times, now};
  return place->count;
}

std::vector<Observation> Observations::list() const {
  auto list = kept_;
  for (const auto& [problem, count] : refused_) {
    auto sentence = count == 0 ? std::string() : explain(problem);
    if (!sentence.empty())
      list.push_back({name_of(problem.reason), std::move(sentence), problem.from, count, problem.when});
  }
  std::ranges::sort(list, std::ranges::greater(), &Observation::last);
  return list;
}

std::string explain_disallowed_source(const IpAddress& address) {
  return fmt::format("a packet of the peer's comes from {}, which is not in peer.allowed_ips", to_string(address));
}

std::string explain_disallowed_destination(const IpAddress& address) {
  return fmt::format("a packet was routed into the link for {}, which is not in peer.allowed_ips", to_string(address));
}

std::string explain_send_failure(const Endpoint& to, const std::string& error) {
  return fmt::format("cannot send to {}: {}", to_string(to), error);
}

}  // namespace adit::link
