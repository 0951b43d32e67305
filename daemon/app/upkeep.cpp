// SPDX-License-Identifier: MIT
#include "app/upkeep.h"

#include <fmt/core.h>
#include <net/if.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>
#include <variant>

#include "app/host_plan.h"
#include "app/mtu.h"
#include "app/wg_device.h"

namespace adit::app {
namespace {

template <class T>
bool contains(const std::vector<T>& all, const T& one) {
  return std::ranges::find(all, one) != all.end();
}

bool concerns_others(const net::NetworkChange& change, std::uint32_t ours) {
  const auto other = [ours](const std::vector<std::uint32_t>& links) {
    return std::ranges::any_of(links, [ours](std::uint32_t link) { return link != ours; });
  };
  return change.addresses || change.routes || change.overrun || other(change.links_up) || other(change.links_down) ||
         other(change.links_deleted);
}

/// Why the kernel refused to send; empty for none.
std::string in_words(int error) {
  if (error == 0) return {};
  const auto* const mend =
      error == EMSGSIZE
          ? "; the way there is narrower than interface.mtu allows for: leave that out, or make it smaller"
          : "";
  return net::describe(error) + mend;
}

bool same_way(const std::optional<net::RouteInfo>& a, const std::optional<net::RouteInfo>& b) {
  if (!a || !b) return a.has_value() == b.has_value();
  return a->interface == b->interface && a->source == b->source;
}

}  // namespace

Upkeep::Upkeep(const Parts& parts)
    : parts_(parts),
      since_(parts.wall_clock.now()),
      looked_at_(parts.loop.now()),
      retried_at_(parts.loop.now()),
      saved_at_(parts.loop.now() - kSaveLimit),
      timer_(parts.loop, [this] { look(parts_.loop.now()); }) {}

Upkeep::~Upkeep() {
  if (!found_.known() || found_ == saved_) return;
  if (const auto saved = parts_.store.save_endpoint(found_); !saved) parts_.log.warn("{}", saved.error().message);
}

void Upkeep::event(const tunnel::Event& event, Instant now) {
  eventful_ = true;
  parts_.event_log.event(event, now);
  if (std::holds_alternative<tunnel::InitiationSent>(event)) {
    initiated_at_ = now;
  } else if (const auto* refused = std::get_if<tunnel::HandshakeRefused>(&event)) {
    observations_.handshake_refused(*refused, parts_.wall_clock.now());
  } else if (const auto* completed = std::get_if<tunnel::HandshakeCompleted>(&event)) {
    found_ = completed->with;
  } else if (const auto* moved = std::get_if<tunnel::EndpointMoved>(&event)) {
    found_ = moved->to;
    way_due_ = true;
  }
}

void Upkeep::network_changed(const net::NetworkChange& change, Instant now) {
  interface_was_down_ |= contains(change.links_down, parts_.interface) || change.overrun;
  if (interface_was_down_ && (contains(change.links_up, parts_.interface) || change.overrun)) restore_interface();
  if (!concerns_others(change, parts_.interface)) return;
  network_changed_ = true;
  way_due_ = true;
  eventful_ = true;
  look(now);
}

void Upkeep::turn_end(Instant now) {
  const bool curious = eventful_ || (health_.state != State::up && parts_.tunnel.status().heard_at >= looked_at_);
  if (!curious) return;
  if (now - looked_at_ >= kLookLimit) {
    look(now);
  } else {
    eventful_ = true;
    plan_next_look(now);
  }
}

const Health& Upkeep::look(Instant now) {
  eventful_ = false;
  looked_at_ = now;
  look_at_way(now);
  call_again_if_due(now);
  look_at_drops(now);
  look_at_state(now);
  remember_endpoint(now);
  parts_.event_log.drops(parts_.tunnel.status().drops, now);
  plan_next_look(now);
  return health_;
}

void Upkeep::look_at_drops(Instant now) {
  const auto& status = parts_.tunnel.status();
  const auto wall = parts_.wall_clock.now();
  for (const auto& seen : observations_.disallowed(status, wall))
    parts_.event_log.disallowed(seen.reason, seen.sentence, now);
  if (const int error = parts_.data_path.send_error(); error != 0) {
    observations_.send_failed(parts_.tunnel.path().remote, in_words(error),
                              status.drops[tunnel::DropReason::send_failed], wall);
  }
  const auto resolver_error = parts_.caller.error();
  if (!resolver_error.empty() && resolver_error != resolver_error_) {
    observations_.unresolved(parts_.caller.unresolved(), resolver_error, wall);
  }
  resolver_error_ = resolver_error;
}

void Upkeep::look_at_state(Instant now) {
  const auto& status = parts_.tunnel.status();
  const auto& remote = parts_.tunnel.path().remote;
  const auto send_error = in_words(parts_.data_path.send_error());
  if (!send_error.empty()) parts_.event_log.send_failed(remote, send_error, now);
  const Surroundings surroundings{.endpoint_name = parts_.caller.unresolved(),
                                  .resolver_error = parts_.caller.error(),
                                  .send_error = send_error,
                                  .missing = what_is_missing(parts_.config),
                                  .failure = interface_problem_.empty() ? way_problem_ : interface_problem_};
  auto health = assess(status, remote, surroundings, parts_.tunnel.keepalive().has_value(), now);
  const bool changed = health.state != health_.state;
  health_ = std::move(health);
  if (parts_.told) parts_.told(health_);
  if (!changed && since_told_) return;
  since_told_ = true;
  since_ = parts_.wall_clock.now();
  parts_.event_log.state(health_);
}

void Upkeep::look_at_way(Instant now) {
  const auto& remote = parts_.tunnel.path().remote;
  if (!way_due_ || !remote.known() || now - way_looked_at_ < kWayLimit) return;
  way_due_ = false;
  way_looked_at_ = now;
  const auto found = parts_.host.route_to(remote.address);
  const auto way = found ? std::optional(*found) : std::nullopt;
  way_moved_ |= way_known_ && !same_way(way, way_);
  way_known_ = true;
  way_ = way;
  way_problem_.clear();
  if (way && way->interface == parts_.interface) {
    way_problem_ = fmt::format(
        "the way to {} leads into the tunnel itself: take its address out of routes, or use `default`, which leaves "
        "it out",
        to_string(remote));
  } else if (way) {
    fit_mtu(*way);
    check_uplink(*way);
  }
}

void Upkeep::check_uplink(const net::RouteInfo& way) {
  const auto families = default_families(parts_.config);
  const bool concerned = parts_.tunnel.path().remote.address.is_v4() && contains(families, Family::v4);
  if (!concerned || std::exchange(uplink_checked_, way.interface) == way.interface) return;
  std::array<char, IF_NAMESIZE> name{};
  if (if_indextoname(way.interface, name.data()) == nullptr) return;
  if (const auto problem = net::reverse_path_problem(name.data())) parts_.log.warn("{}", *problem);
}

/// Without a route the MTU stays: one that fitted a moment ago is a better guess than none.
void Upkeep::fit_mtu(const net::RouteInfo& way) {
  if (parts_.config.interface.mtu) return;
  const auto over = parts_.tunnel.path().remote.address.family();
  const auto mtu = automatic_mtu(way.mtu, over, carries_v6(parts_.config));
  if (mtu == parts_.host.mtu()) return;
  if (const auto done = parts_.host.set_mtu(mtu); !done) {
    parts_.log.warn("cannot set the MTU to {}: {}", mtu, done.error().message);
    return;
  }
  parts_.tunnel.set_mtu(mtu);
  parts_.log.info("MTU is {}: the way to the peer carries {} bytes", mtu, way.mtu);
}

void Upkeep::call_again_if_due(Instant now) {
  if (!network_changed_ || way_due_ || now - initiated_at_ < kHandshakeMoment) return;
  if (!way_moved_ && now - retried_at_ < kRetryLimit) return;
  parts_.log.debug("the network changed: calling again");
  network_changed_ = false;
  way_moved_ = false;
  retried_at_ = now;
  parts_.data_path.retry_now(now);
}

void Upkeep::restore_interface() {
  interface_was_down_ = false;
  interface_problem_.clear();
  if (const auto done = parts_.host.restore(); !done) {
    interface_problem_ = fmt::format("the interface was down, and cannot be set up again: {}", done.error().message);
    parts_.log.error("{}", interface_problem_);
  }
  eventful_ = true;
}

void Upkeep::remember_endpoint(Instant now) {
  if (!found_.known() || found_ == saved_ || now - saved_at_ < kSaveLimit) return;
  // Even when it fails: a disk that is full now is so a moment later.
  saved_ = found_;
  saved_at_ = now;
  if (const auto saved = parts_.store.save_endpoint(found_); !saved) parts_.log.debug("{}", saved.error().message);
}

void Upkeep::plan_next_look(Instant now) {
  auto next = now + kLookInterval;
  if (eventful_) next = std::min(next, looked_at_ + kLookLimit);
  if (way_due_ && parts_.tunnel.path().remote.known()) next = std::min(next, way_looked_at_ + kWayLimit);
  if (network_changed_) next = std::min(next, now + kHandshakeMoment);
  timer_.set(next);
}

}  // namespace adit::app
