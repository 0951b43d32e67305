// SPDX-License-Identifier: MIT
#include "link/path_mtu.h"

#include <fmt/core.h>

#include <algorithm>
#include <iterator>
#include <vector>

#include "host/host_plan.h"
#include "host/mtu.h"
#include "tunnel/too_big.h"

namespace adit::link {

std::string_view name_of(PathProbe probe) {
  switch (probe) {
    case PathProbe::off:
      return "off";
    case PathProbe::no_address:
      return "no_address";
    case PathProbe::searching:
      return "searching";
    case PathProbe::working:
      return "working";
    case PathProbe::unanswered:
      return "unanswered";
  }
  return "off";
}

offload::MssLimits mss_limits(const config::Config& config, std::uint32_t size) {
  const auto& clamp = config.tuning.mss_clamp;
  if (!clamp.on) return {};
  if (clamp.most == 0) return offload::mss_limits(size);
  const auto most = static_cast<std::uint16_t>(clamp.most);
  return {most, most};
}

/// `searching` when there is somebody to ask.
PathProbe PathMtu::possible() const {
  const auto& config = parts_.config;
  const bool follows = !config.interface.mtu || parts_.tunnel.carries_frames();
  if (!follows || !config.tuning.path_probe || parts_.host.interface_is_away()) return PathProbe::off;
  const auto& ends = parts_.tunnel.probe_ends();
  const bool allowed = ends && std::ranges::any_of(config.peer.allowed_ips, [&](const IpNetwork& network) {
                         return network.contains(ends->peers);
                       });
  return allowed ? PathProbe::searching : PathProbe::no_address;
}

std::uint32_t PathMtu::overhead() const {
  return host::outer_overhead(place_.remote.family());
}

void PathMtu::route_is(const net::RouteInfo& route, Instant now) {
  const auto& ends = parts_.tunnel.probe_ends();
  const Place place{parts_.tunnel.path().remote.address, route.interface, route.source,
                    ends ? ends->peers : IpAddress()};
  const bool moved = place != place_;
  place_ = place;
  route_mtu_ = route.mtu;
  top_ = std::clamp(route.mtu > overhead() ? route.mtu - overhead() : 0, config::kMinMtu, config::kMaxMtu);
  if (possible() != PathProbe::searching) {
    search_.reset();
  } else {
    const auto smallest = ends->ours.is_v4() ? tunnel::Prober::kSmallest4 : tunnel::Prober::kSmallest6;
    const PathSearch::Bounds bounds{
        .top = top_, .overhead = overhead(), .smallest = static_cast<std::uint32_t>(smallest)};
    if (moved || !search_) {
      if (!search_) search_.emplace();
      search_->begin(bounds, now);
    } else {
      search_->limit(bounds, now);
    }
  }
  fit(now);
  tell();
}

void PathMtu::event(const tunnel::ProbeEnded& event, Instant now) {
  if (!search_) return;
  if (event.answered) {
    search_->answered(event.size, event.round_trip, now);
  } else {
    search_->refused(event.size, now);
  }
  fit(now);
}

void PathMtu::look(Instant now) {
  if (!search_ || possible() != PathProbe::searching || !parts_.tunnel.has_session(now)) return;
  note_data(now);
  for (const auto size : search_->tick(now, parts_.tunnel.keepalive())) {
    if (parts_.data_path.probe(size, now)) continue;
    search_->put_off(now);
    break;
  }
  fit(now);
  tell();
}

std::optional<Instant> PathMtu::next_look(Instant now) const {
  if (!search_ || possible() != PathProbe::searching || !parts_.tunnel.has_session(now)) return std::nullopt;
  const auto due = search_->deadline(now, parts_.tunnel.keepalive());
  return due == Instant::max() ? std::nullopt : std::optional(due);
}

bool PathMtu::data_waits(Instant now) const {
  if (!search_ || now < search_->data_due()) return false;
  const auto& status = parts_.tunnel.status();
  const bool passed =
      search_->settled() ? status.large != seen_.large : status.sent.packets + status.received.packets != seen_.packets;
  return passed && parts_.tunnel.has_session(now);
}

void PathMtu::note_data(Instant now) {
  const auto& status = parts_.tunnel.status();
  const Seen seen{status.sent.packets + status.received.packets, status.large};
  if (seen.packets != seen_.packets) search_->note_data(seen.large != seen_.large, now);
  seen_ = seen;
}

PathReport PathMtu::report() const {
  // The file may say otherwise by now, and the route is looked up a moment later.
  const auto now = possible();
  if (now != PathProbe::searching || !search_) return {now, top_};
  switch (search_->state()) {
    case PathSearch::State::working:
      return {PathProbe::working, search_->size()};
    case PathSearch::State::unanswered:
      return {PathProbe::unanswered, search_->size()};
    case PathSearch::State::searching:
      break;
  }
  return {PathProbe::searching, search_->size()};
}

void PathMtu::fit(Instant now) {
  auto& host = parts_.host;
  // Frames are of others, whose IPv6 is theirs to know: a bridge takes the smallest MTU of its ports, and loses its own
  // IPv6 by it.
  const auto least = host::least_mtu(host::carries_v6(parts_.config) || parts_.tunnel.carries_frames());
  fit_fragments(least, now);
  if (parts_.config.interface.mtu || host.interface_is_away()) {
    if (parts_.tunnel.carries_frames()) fit_segments();
    return;
  }
  const auto in_front = host::frame_overhead(parts_.config);
  const auto fitting = [&](std::uint32_t size) { return std::max(size > in_front ? size - in_front : 0, least); };
  const auto mtu = fitting(report().size);
  const auto before = host.mtu();
  if (mtu == before) return fit_segments();
  if (const auto done = host.set_mtu(mtu); !done) {
    parts_.log.warn("cannot set the MTU to {}: {}", mtu, done.error().message);
    return;
  }
  parts_.tunnel.set_mtu(mtu + in_front);
  fit_segments();
  if (mtu == fitting(top_)) {
    parts_.log.info("MTU is {}: the way to the peer carries {} bytes", mtu, route_mtu_);
  } else if (mtu < before) {
    parts_.log.warn("MTU is {}: larger packets are lost on the way to the peer, and no router says so", mtu);
  } else {
    parts_.log.info("MTU is {}: the peer answers packets of that size", mtu);
  }
}

/// Segments can be smaller than the interface's MTU asks for, and then need no fragments.
void PathMtu::fit_segments() {
  const auto in_front = host::frame_overhead(parts_.config);
  const auto size = report().size > in_front ? report().size - in_front : 0;
  const auto mtu = parts_.host.mtu();
  parts_.tunnel.set_mss_limits(mss_limits(parts_.config, size == 0 ? mtu : std::min(size, mtu)));
}

/// Where the interface takes larger frames than the way does, because the file says so or IPv6 may need it, they are
/// cut: the tunnel has to know how small.
///
/// IPv6 does not exist below 1,280 bytes, and is not to be cut off by a way that is narrower: what is too large for it
/// travels in fragments. All but probes goes with DF clear, so that it is enough when the kernel knows; and where no
/// router told it, we do. TCP over IPv4 goes on below, and its senders are told, since fragments may not arrive. They
/// remember it for ten minutes, as the kernel does: the steps of the search are not for them, but what the search comes
/// to.
void PathMtu::fit_fragments(std::uint32_t least, Instant now) {
  const auto size = report().size;
  const auto in_front = host::frame_overhead(parts_.config);
  const auto& mtu = parts_.config.interface.mtu;
  const bool follows = !mtu || parts_.tunnel.carries_frames();
  const bool narrow = follows && size != 0 && size < mtu.value_or(least) + in_front;
  if (!narrow) {
    parts_.tunnel.set_way_size(0);
    narrow_ = {};
    return;
  }
  // Until it is known, what was told before holds on.
  if (size != top_ && (!search_ || !search_->sure())) return;
  const auto passing = std::max(size, config::kMinMtu);
  parts_.tunnel.set_way_size(passing);
  const bool first = narrow_.size == 0;
  if (narrow_.size == size && now - narrow_.told_at < kTellKernel) return;
  const bool less = first || size < narrow_.size;
  narrow_ = {size, now};
  if (in_front != 0) {
    if (less) {
      parts_.log.info("the way to the peer has room for frames of {} bytes: larger ones are sent in fragments",
                      passing - std::min(in_front, passing));
    }
    return;
  }
  if (first) parts_.log.warn("{}", left_out());
  if (less) parts_.data_path.refuse_those_sent(passing);
  if (size + overhead() < route_mtu_) tell_kernel(size + overhead());
}

std::string PathMtu::left_out() const {
  if (narrow_.size == 0 || parts_.tunnel.carries_frames()) return {};
  const bool carries_v6 = host::carries_v6(parts_.config);
  return fmt::format(
      "the way to the peer has room for {} bytes inside, and the interface must take {}: {} above that travel in "
      "fragments, which some firewalls drop",
      narrow_.size, host::least_mtu(carries_v6), carries_v6 ? "IPv6 packets" : "packets");
}

void PathMtu::tell_kernel(std::uint32_t mtu) {
  const auto& path = parts_.tunnel.path();
  const auto& interface = parts_.config.interface;
  const auto family = path.remote.address.family();
  std::vector<IpNetwork> ours;
  std::ranges::copy_if(interface.addresses, std::back_inserter(ours),
                       [&](const IpNetwork& network) { return network.family() == family; });
  const auto source = path.local.is_none() ? place_.source : path.local;
  if (source.family() != family) return;
  // As from the tunnel's other end, so that no filter takes it for one with a false sender.
  const auto ends = tunnel::find_probe_ends(ours, interface.peer_addresses);
  auto packet = tunnel::write_too_big({.from = ends ? ends->peers : path.remote.address,
                                       .to = ends ? ends->ours : source,
                                       .source = {source, parts_.tunnel.own_port()},
                                       .destination = path.remote,
                                       .mtu = mtu});
  parts_.data_path.deliver_own(packet);
}

void PathMtu::tell() {
  const auto probe = report().probe;
  if (probe == told_ || probe == PathProbe::searching || probe == PathProbe::off) return;
  told_ = probe;
  if (probe == PathProbe::no_address) {
    parts_.log.info(
        "how large a packet may be on the way to the peer cannot be asked without knowing its address in the tunnel: "
        "the route is believed (interface.peer_addresses would tell)");
  } else if (probe == PathProbe::unanswered) {
    parts_.log.info(
        "{} answers no echo request: how large a packet may be on the way to the peer cannot be asked, and the route "
        "is "
        "believed",
        to_string(parts_.tunnel.probe_ends()->peers));
  }
}

}  // namespace adit::link
