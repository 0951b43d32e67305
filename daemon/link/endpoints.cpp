// SPDX-License-Identifier: MIT
#include "link/endpoints.h"

#include <algorithm>
#include <set>
#include <utility>

namespace adit::link {
namespace {

bool contains(std::span<const Endpoint> endpoints, const Endpoint& endpoint) {
  return std::ranges::find(endpoints, endpoint) != endpoints.end();
}

/// In order, each once. There may be thousands: 256 names with 32 addresses.
class InOrder {
 public:
  void add(const Endpoint& endpoint) {
    if (seen_.insert(endpoint).second) list_.push_back(endpoint);
  }
  std::vector<Endpoint> take() { return std::move(list_); }

 private:
  std::set<Endpoint> seen_;
  std::vector<Endpoint> list_;
};

/// One of each family in turn (RFC 8305 §4), beginning with the family of the first: a family that leads nowhere must
/// not cost as many tries as there are addresses in it.
std::vector<Endpoint> interleaved(std::span<const Endpoint> addresses) {
  std::vector<Endpoint> same;
  std::vector<Endpoint> other;
  for (const auto& each : addresses) {
    auto& family = each.address.family() == addresses.front().address.family() ? same : other;
    if (!contains(family, each)) family.push_back(each);
  }
  std::vector<Endpoint> all;
  for (std::size_t i = 0; i < std::max(same.size(), other.size()); ++i) {
    if (i < same.size()) all.push_back(same[i]);
    if (i < other.size()) all.push_back(other[i]);
  }
  if (all.size() > Endpoints::kMaxAddresses) all.resize(Endpoints::kMaxAddresses);
  return all;
}

}  // namespace

/// In the order of preference, each once; where the peer was last found comes first among the addresses of its name,
/// and last when it belongs to none.
std::vector<Endpoint> Endpoints::candidates() const {
  InOrder list;
  for (const auto& name : names_) {
    if (found_ && contains(name.addresses, *found_)) list.add(*found_);
    for (const auto& address : name.addresses) list.add(address);
  }
  if (found_) list.add(*found_);
  return list.take();
}

/// Than `remote`, in order, beginning behind the one that had the last turn.
std::vector<Endpoint> Endpoints::others(const Endpoint& remote) const {
  auto list = candidates();
  if (const auto last = std::ranges::find(list, round_.last); last != list.end()) {
    std::ranges::rotate(list, last + 1);
  }
  std::erase(list, remote);
  return list;
}

/// Of the name it is an address of; those of none come behind all.
std::size_t Endpoints::rank_of(const Endpoint& endpoint) const {
  const auto name = std::ranges::find_if(names_, [&](const Name& each) { return contains(each.addresses, endpoint); });
  return static_cast<std::size_t>(name - names_.begin());
}

/// Addresses of the names before that of `remote`. The order of one name's addresses is no preference: it changes from
/// one answer to the next. And where the peer is by its own choice it shall stay.
std::vector<Endpoint> Endpoints::preferred_to(const Endpoint& remote) const {
  const auto rank = rank_of(remote);
  InOrder list;
  if (rank == names_.size()) return {};
  for (std::size_t i = 0; i < rank; ++i) {
    for (const auto& address : names_[i].addresses) list.add(address);
  }
  return list.take();
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

std::optional<Endpoint> Endpoints::resolved(std::size_t name, std::span<const Endpoint> addresses, const Line& line,
                                            Instant now) {
  const auto before = candidates();
  names_.at(name).addresses = interleaved(addresses);
  names_.at(name).asked = true;
  if (!line.remote.known()) return first();
  if (line.alive && !line.quiet) {
    settle(line.remote, now);  // one that is preferred may have come
    return std::nullopt;
  }

  // An address not heard of before is worth a try: the name has moved, or was slow to be resolved. Who is called has
  // been given a moment to answer, unless the new one is preferred anyway.
  const auto rank = rank_of(line.remote);
  const bool better = name < rank && rank < names_.size();
  const bool at_once = better || line.quiet || line.attempts > 1;
  std::vector<Try> fresh;
  for (const auto& each : names_[name].addresses) {
    if (!contains(before, each)) fresh.push_back({each, better});
  }
  if (fresh.empty()) return std::nullopt;
  if (round_.waiting.empty() || at_once) round_.next = at_once ? now : now + kStagger;
  round_.waiting.insert(at_once ? round_.waiting.begin() : round_.waiting.end(), fresh.begin(), fresh.end());
  return std::nullopt;
}

std::optional<Endpoint> Endpoints::unresolved(std::size_t name, const Line& line) {
  names_.at(name).asked = true;
  return call_if_nobody(line);
}

std::optional<Endpoint> Endpoints::stop_waiting(const Line& line) {
  waited_ = true;
  return call_if_nobody(line);
}

void Endpoints::called(const Line& line, Instant now) {
  if (!round_.waiting.empty() && round_.number > 0) return;
  std::deque<Try> waiting;
  for (const auto& each : others(line.remote)) waiting.push_back({each, false});
  if (waiting.empty()) return;
  if (line.alive) {
    // A message may have been lost, nothing more: the endpoint gets another one. The others wait for longer if it said
    // something only now.
    if (line.heard) waiting.clear();
    waiting.push_front({line.remote, true});
    round_.stagger = kBenefitOfDoubt;
  } else {
    round_.number += 1;
    round_.stagger = std::min(kStagger * (1 << std::min(round_.number - 1, 8u)), kLongestStagger);
  }
  round_.waiting = std::move(waiting);
  round_.next = now + round_.stagger;
}

void Endpoints::found(const Endpoint& peer, bool answered, Instant now) {
  found_ = peer;
  if (answered) round_ = {};
  settle(peer, now);
}

void Endpoints::settle(const Endpoint& peer, Instant now) {
  if (preferred_to(peer).empty()) {
    if (std::exchange(return_.due, std::nullopt)) return_.returned_at = now;
    return;
  }
  if (return_.due) return;
  const bool lasted = !return_.returned_at || now - *return_.returned_at >= kLasting;
  return_.hold_down = lasted ? kHoldDown : std::min(2 * return_.hold_down, kLongestHoldDown);
  return_.due = now + return_.hold_down;
}

std::optional<Instant> Endpoints::next_try() const {
  if (round_.waiting.empty()) return return_.due;
  return return_.due ? std::min(*return_.due, round_.next) : round_.next;
}

void Endpoints::try_to_return(const Line& line, Instant now) {
  if (!return_.due || now < *return_.due) return;
  return_.due = now + return_.hold_down;
  if (!line.alive || !round_.waiting.empty()) return;
  auto list = preferred_to(line.remote);
  // So that each has its turn, however many there are.
  if (const auto last = std::ranges::find(list, round_.last); last != list.end()) {
    std::ranges::rotate(list, last + 1);
  }
  if (list.size() > kReturns) list.resize(kReturns);
  for (const auto& each : list) round_.waiting.push_back({each, true});
  round_.stagger = kBenefitOfDoubt;
  round_.next = now;
}

std::optional<Endpoints::Try> Endpoints::take_try(const Line& line, Instant now) {
  try_to_return(line, now);
  if (round_.waiting.empty() || now < round_.next) return std::nullopt;
  const auto next = round_.waiting.front();
  round_.waiting.pop_front();
  round_.next = now + round_.stagger;
  round_.last = next.to;
  return next;
}

}  // namespace adit::link
