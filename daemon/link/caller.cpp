// SPDX-License-Identifier: MIT
#include "link/caller.h"

#include <fmt/core.h>

#include <algorithm>
#include <variant>

namespace adit::link {
namespace {

/// No interface can have that number: what is to go there is refused.
constexpr std::uint32_t kNowhere = 0xffff'ffff;

bool leads_by(const std::vector<std::uint32_t>& uplinks, const Endpoint& endpoint) {
  return endpoint.scope != 0 && std::ranges::find(uplinks, endpoint.scope) != uplinks.end();
}

/// The same place by the best of them, unless it is reached by one of them already.
Endpoint led_by(const std::vector<std::uint32_t>& uplinks, Endpoint endpoint) {
  if (leads_by(uplinks, endpoint)) return endpoint;
  const auto best = std::ranges::find_if(uplinks, [](std::uint32_t index) { return index != 0; });
  endpoint.scope = best == uplinks.end() ? kNowhere : *best;
  return endpoint;
}

/// Where the peer was found is kept without the interface, and local.device may list others by now.
CallerOptions by_what_is_listed(CallerOptions options) {
  if (options.uplinks && options.remembered) options.remembered = led_by(options.uplinks(), *options.remembered);
  return options;
}

}  // namespace

Caller::Caller(net::EventLoop& loop, RandomSource& random, Log& log, CallerOptions options, Phone phone)
    : loop_(loop),
      log_(log),
      options_(by_what_is_listed(std::move(options))),
      phone_(std::move(phone)),
      ways_(options_.uplinks ? options_.uplinks().size() : 1),
      endpoints_(options_.names.size() * ways_, options_.remembered),
      head_start_(loop, [this] { call_if(endpoints_.stop_waiting(phone_.line())); }),
      next_try_(loop, [this] { try_others(); }),
      stay_(loop, [this] { stay_if_unanswered(); }),
      asked_at_(loop.now()) {
  for (const auto& name : options_.names) {
    names_.push_back({name, std::make_unique<net::RetryingResolver>(loop, random, options_.resolver), false, {}, {}});
  }
}

void Caller::start() {
  const auto remote = phone_.line().remote;
  if (!remote.known()) {
    call_if(endpoints_.first());
  } else if (options_.uplinks) {
    // A call that goes on may have been by what local.device lists no more, where nothing may leave.
    if (const auto there = led_by(options_.uplinks(), remote); there != remote) call_if(there);
  }
  if (names_.empty()) return;
  head_start_.set(loop_.now() + kHeadStart);
  resolve_all();
}

void Caller::event(const tunnel::Event& event, Instant now) {
  if (const auto* sent = std::get_if<tunnel::InitiationSent>(&event)) {
    if (sent->attempt == 0) return;  // a try of ours
    const auto line = phone_.line();
    endpoints_.called(line, now);
    // The first call of a link in use is a renewal, mostly.
    if (!line.alive || sent->attempt > 1) ask_again(ask_gap_);
  } else if (const auto* completed = std::get_if<tunnel::HandshakeCompleted>(&event)) {
    endpoints_.found(completed->with, true, now);
    ask_gap_ = kAskGap;
  } else if (const auto* moved = std::get_if<tunnel::EndpointMoved>(&event)) {
    endpoints_.found(moved->to, false, now);
  } else if (std::holds_alternative<tunnel::AttemptsExhausted>(event)) {
    ask_again(kAskGap);
  } else if (std::holds_alternative<tunnel::PeerQuiet>(event)) {
    // A peer that has nothing to say is as quiet all day.
    if (quiet_at_ && now - *quiet_at_ < kQuietAskGap) return;
    quiet_at_ = now;
    ask_again(kAskGap);
  }
  plan();
}

void Caller::try_others() {
  const auto now = loop_.now();
  const auto line = phone_.line();
  if (const auto next = endpoints_.take_try(line, now); next && can_call(next->to)) {
    log_.debug("trying {} beside {}", to_string(next->to), to_string(line.remote));
    const bool unanswered = next->to == line.remote;
    if (line.alive) ask_again(unanswered ? ask_gap_ : kReturnAskGap);
    phone_.try_also(*next);
    if (next->rather && !unanswered && line.alive && line.attempts == 0) {
      stays_at_ = line.remote;
      stay_.set(now + kReturnMoment);
    }
  }
  plan();
}

/// Other software follows an initiation to where it came from, before anybody knows whether packets from there arrive:
/// without this a way back that is dead would take its packets until our next one.
void Caller::stay_if_unanswered() {
  if (phone_.stay && phone_.line().remote == stays_at_) phone_.stay();
}

void Caller::plan() {
  const auto next = endpoints_.next_try();
  if (next != next_try_.deadline()) next_try_.set(next);
}

void Caller::ask_again(Duration gap) {
  const auto now = loop_.now();
  if (now - asked_at_ < gap) return;
  ask_gap_ = std::min(2 * ask_gap_, kLongestAskGap);
  resolve_all();
}

void Caller::links_changed() {
  for (std::size_t i = 0; i < names_.size(); ++i) {
    if (!names_[i].resolved && names_[i].name.host.find('%') != std::string::npos) resolve(i);
    if (options_.uplinks && names_[i].resolved) offer(i);
  }
  if (!options_.uplinks) return plan();
  const auto there = options_.uplinks();
  const auto remote = phone_.line().remote;
  if (remote.known() && !leads_by(there, remote)) {
    const auto next = endpoints_.first();
    call_if(next && leads_by(there, *next) ? *next : led_by(there, remote));
  }
  plan();
}

void Caller::network_changed() {
  const auto now = loop_.now();
  if (hurried_at_ && now - *hurried_at_ < kAskGap) return;
  hurried_at_ = now;
  for (auto& name : names_) name.resolver->hurry();
}

void Caller::way_moved() {
  if (loop_.now() - asked_at_ >= kAskGap) ask_now();
}

void Caller::ask_now() {
  for (auto& name : names_) name.resolver->hurry();
  resolve_all();
}

/// By each uplink there is the name's addresses are other endpoints, and the better uplink's come first.
void Caller::offer(std::size_t index) {
  const auto& addresses = names_[index].addresses;
  const auto now = loop_.now();
  if (!options_.uplinks) return call_if(endpoints_.resolved(index, addresses, phone_.line(), now));
  const auto there = options_.uplinks();
  for (std::size_t way = 0; way < ways_; ++way) {
    std::vector<Endpoint> by_this;
    for (auto endpoint : addresses) {
      if (there[way] == 0 || (endpoint.scope != 0 && endpoint.scope != there[way])) continue;
      endpoint.scope = there[way];
      by_this.push_back(endpoint);
    }
    call_if(endpoints_.resolved(way * names_.size() + index, by_this, phone_.line(), now));
  }
}

void Caller::unresolved(std::size_t index) {
  for (std::size_t way = 0; way < ways_; ++way) {
    call_if(endpoints_.unresolved(way * names_.size() + index, phone_.line()));
  }
}

void Caller::resolve_all() {
  asked_at_ = loop_.now();
  for (std::size_t i = 0; i < names_.size(); ++i) {
    if (!names_[i].resolver->pending()) resolve(i);
  }
}

void Caller::resolve(std::size_t index) {
  auto& name = names_[index];
  name.resolver->start(
      name.name.host, name.name.port, [this, index](const net::Resolved& resolved) { found(index, resolved); },
      [this, index](const Error& error, Instant) { failed(index, error.message); });
}

void Caller::found(std::size_t index, const net::Resolved& resolved) {
  auto& name = names_[index];
  std::vector<Endpoint> usable;
  for (const auto& endpoint : resolved.endpoints) {
    if (why_not(name.name, endpoint).empty()) usable.push_back(endpoint);
  }
  if (usable.empty()) return failed(index, why_not(name.name, resolved.endpoints.front()));
  log_.debug("peer.endpoint {} is {}", to_string(name.name), to_string(usable.front()));
  name.resolved = true;
  name.error.clear();
  name.addresses = std::move(usable);
  offer(index);
  plan();
}

void Caller::failed(std::size_t index, const std::string& error) {
  auto& name = names_[index];
  // Each kind of failure once: it is asked for again and again.
  log_.write(name.error == error ? Severity::debug : Severity::warn, "peer.endpoint {}: {}; trying again",
             to_string(name.name), error);
  name.error = error;
  unresolved(index);
}

std::string Caller::why_not(const config::EndpointName& name, const Endpoint& endpoint) const {
  const auto& address = endpoint.address;
  if (!can_call(endpoint)) {
    return fmt::format(
        "has only IPv{} addresses ({}), and there is no socket for them: local.listen is bound to the "
        "other family, or this host lacks this one",
        address.is_v4() ? 4 : 6, to_string(endpoint));
  }
  if (IpAddress::parse(name.host) || !options_.why_not) return {};
  const auto reason = options_.why_not(address);
  return reason.empty() ? reason : fmt::format("is {} to the name servers, and {}", to_string(address), reason);
}

bool Caller::can_call(const Endpoint& endpoint) const {
  return endpoint.address.is_v4() ? options_.has_v4 : options_.has_v6;
}

void Caller::call_if(const std::optional<Endpoint>& endpoint) {
  if (endpoint && can_call(*endpoint)) phone_.call(*endpoint);
}

const Caller::Name* Caller::first_unresolved() const {
  const auto name = std::ranges::find_if(names_, [](const auto& candidate) { return !candidate.resolved; });
  return name == names_.end() ? nullptr : &*name;
}

std::string Caller::unresolved() const {
  const auto* const name = first_unresolved();
  return name == nullptr ? std::string{} : to_string(name->name);
}

std::string Caller::error() const {
  const auto* const name = first_unresolved();
  return name == nullptr ? std::string{} : name->error;
}

}  // namespace adit::link
