// SPDX-License-Identifier: MIT
#include "link/link.h"

#include <algorithm>
#include <cerrno>
#include <tuple>
#include <utility>

#include "base/locked_memory.h"
#include "base/or_throw.h"
#include "host/host_plan.h"
#include "path/processors.h"

namespace adit::link {
namespace {

/// What an event may cause is done in the same turn, but events that cause events must not keep packets waiting.
constexpr int kEventRounds = 4;
/// Sockets that could not be bound anew are tried again after that.
constexpr Duration kBindInterval = std::chrono::seconds(5);

/// A peer that we reached so lately is there, though calls after that went unanswered.
constexpr Duration kReachedLately = std::chrono::seconds(10);
/// From a peer heard so lately, a missing answer to a call is rather a lost message.
constexpr Duration kHeardLately = std::chrono::seconds(3);
/// Data that was without an answer for so long; a bit less than the machine takes to say so.
constexpr Duration kQuiet = tunnel::kQuietAfter - std::chrono::seconds(1);

/// None: the link carries IP packets.
std::optional<wire::GreEnds> frame_ends(const config::Config& config) {
  const auto& [mode, tap] = std::tie(config.interface.mode, config.interface.tap);
  return mode == config::Mode::tap ? std::optional(wire::GreEnds{tap.ours, tap.peers}) : std::nullopt;
}

std::optional<tunnel::ProbeEnds> probe_ends(const config::Config& config) {
  if (const auto ends = frame_ends(config)) return tunnel::ProbeEnds{ends->ours, ends->peers};
  return tunnel::find_probe_ends(config.interface.addresses, config.interface.peer_addresses);
}

}  // namespace

Result<Link::Machine> Link::make_machine(const Parts& parts, config::Config& config, std::uint32_t mtu) {
  if (parts.key_log != nullptr) parts.key_log->static_keys(config.local.private_key, config.peer.public_key);
  tunnel::Settings settings{.private_key = std::move(config.local.private_key),
                            .peer_key = config.peer.public_key,
                            .preshared_key = std::move(config.peer.preshared_key),
                            .keepalive = config.peer.keepalive,
                            .allowed_ips = config.peer.allowed_ips,
                            .mtu = mtu + host::frame_overhead(config),
                            .last_timestamp = parts.timestamps.last(),
                            .newest_initiation = parts.timestamps.newest_of(config.peer.public_key),
                            .copy_dscp = config.tuning.copy_dscp,
                            .only_when_needed = config.file.empty()};
  auto made = tunnel::Tunnel::make(std::move(settings), parts.random, parts.wall_clock);
  if (made) (*made)->set_key_observer(parts.key_log);
  if (made) (*made)->set_ethernet(frame_ends(config), config.tuning.storm_limit);
  // Under systemd the unit keeps all of the daemon out of swap.
  if (!locked_memory_is_locked()) {
    parts.log.debug("keys may be swapped to disk: raise what this process may lock (ulimit -l, LimitMEMLOCK=)");
  }
  return made;
}

Link::Link(const Parts& parts, std::unique_ptr<crypto::Aead> aead, Machine machine, std::optional<Endpoint> remembered)
    : parts_(parts),
      uplink_(parts.doors, parts.log),
      aead_(std::move(aead)),
      machine_(std::move(machine)),
      bind_again_(parts.loop, [this] { follow_uplink(); }) {
  assemble(remembered);
  watch_preshared_key(true);
}

void Link::assemble(std::optional<Endpoint> remembered) {
  auto& doors = parts_.doors;
  public_key_ = crypto::public_key_of(machine_->private_key());
  machine_->set_own_port(doors.sockets.port());
  machine_->set_probe_ends(probe_ends(parts_.config));
  machine_->set_inner(parts_.config.interface.addresses);
  machine_->set_mss_limits(mss_limits(parts_.config, parts_.host.mtu()));
  led_past_ = {};
  lead_past_tunnel(machine_->path().remote);
  data_path_.emplace(*machine_, *aead_, doors.tun_port, doors.udp_port, path::merge_options(doors.device.offloads()),
                     [this](const noise::Tai64n& timestamp) { parts_.timestamps.keep(timestamp); });
  or_throw(path::have_what_was_asked(parts_.config.tuning, offloads()));
  pump_.emplace(parts_.loop, doors, *machine_, *data_path_);
  set_workers();
  make_caller(remembered);
  upkeep_.emplace(Upkeep::Parts{.config = parts_.config,
                                .interface = doors.device.index_here(),
                                .loop = parts_.loop,
                                .wall_clock = parts_.wall_clock,
                                .log = parts_.log,
                                .event_log = parts_.event_log,
                                .tunnel = *machine_,
                                .data_path = *data_path_,
                                .host = parts_.host,
                                .caller = *caller_,
                                .store = parts_.store,
                                .told = parts_.told,
                                .beside = parts_.beside,
                                .uplink_problem = [this] { return uplink_.problem(); }});
}

/// One that goes on watching has missed nothing. Another may: its file was read a while ago. `is_new`: the key in use
/// is of that file; else `wg` may have set one that stays.
void Link::watch_preshared_key(bool is_new) {
  const auto& file = parts_.config.peer.preshared_key_file;
  auto& watch = preshared_key_watch_;
  if (watch && watch->file() == file && watch->works()) return;
  watch.emplace(parts_.loop, file, machine_, parts_.log);
  if (is_new) watch->look();
}

void Link::set_workers() {
  const auto wanted = path::workers_for(parts_.config.tuning, path::usable_processors());
  const auto& had = pump_->set_workers(wanted, parts_.loop.now());
  if (const auto why = path::describe(parts_.config.tuning, had); !why.empty()) parts_.log.warn("{}", why);
  const auto& device = parts_.doors.device;
  if (had.count > 1 && device.queues() == 1) {
    parts_.log.info(
        "{} has one queue, so one thread at a time reads it, and sends what it reads: to give many flows more, let a "
        "stop and a start make it anew",
        device.name());
  }
}

void Link::start() {
  caller_->start();
  // Sockets of an earlier run may be bound to what is gone by now, and there are none while the interface is missing.
  follow_uplink();
}

void Link::make_caller(std::optional<Endpoint> remembered) {
  // Without any socket nobody knows what families there will be.
  const auto& sockets = parts_.doors.sockets;
  const bool waits = !sockets.v4 && !sockets.v6;
  CallerOptions options{
      .names = parts_.config.peer.endpoints,
      .remembered = remembered,
      .resolver = {.fwmark = host::datagram_mark(parts_.config), .own_servers = parts_.config.dns.servers},
      .has_v4 = waits || sockets.v4.has_value(),
      .has_v6 = waits || sockets.v6.has_value(),
      .why_not = [this](const IpAddress& address) { return parts_.host.why_no_peer(address); }};
  if (!parts_.config.local.uplinks.empty()) {
    options.uplinks = [this] { return Uplink::usable(parts_.config.local.uplinks); };
  }
  Caller::Phone phone;
  phone.line = [this] {
    // Whoever is called is not in the file any more: as if nobody were.
    if (endpoint_edited_) return Endpoints::Line{};
    const auto& status = machine_->status();
    const auto within = [&](const std::optional<Instant>& then, Duration time) {
      return then && parts_.loop.now() - *then < time;
    };
    return Endpoints::Line{
        .remote = machine_->path().remote,
        .alive = status.handshake_at && (status.attempts <= 1 || within(status.reached_at, kReachedLately)),
        .heard = within(status.heard_at, kHeardLately),
        .quiet = status.unanswered_at && !within(status.unanswered_at, kQuiet),
        .attempts = status.attempts};
  };
  phone.call = [this](const Endpoint& endpoint) {
    endpoint_edited_ = false;
    lead_past_tunnel(endpoint);
    data_path_->call(endpoint, parts_.loop.now());
    upkeep_->called();
  };
  phone.try_also = [this](const Endpoints::Try& other) {
    lead_past_tunnel(other.to);
    machine_->try_also(other.to, other.rather);
  };
  phone.stay = [this] {
    const auto now = parts_.loop.now();
    if (machine_->has_session(now)) data_path_->retry_now(now);
  };
  caller_.emplace(parts_.loop, parts_.random, parts_.log, std::move(options), std::move(phone));
}

Result<> Link::turn(Instant now) {
  if (auto moved = pump_->move(now); !moved) return moved;
  parts_.timestamps.note_peers(machine_->peer_key(), machine_->newest_initiation());
  handle_events(now);
  upkeep_->turn_end(now);
  parts_.doors.udp_port.shut(upkeep_->led_into_itself());
  handle_events(now);
  pump_->plan();
  for (const auto& sentence : refusal_news_.of(offloads())) parts_.log.warn("{}", sentence);
  return {};
}

void Link::handle_events(Instant now) {
  for (int round = 0; round < kEventRounds; ++round) {
    data_path_->take_events(events_);
    if (events_.empty()) return;
    // What answered a peer that called from somewhere new may have gone astray: say it again.
    if (lead_past_tunnel(machine_->path().remote)) data_path_->retry_now(now);
    const auto events = std::exchange(events_, {});
    zone_.note(machine_->path().remote);
    bool in_vain = false;
    for (const auto& event : events) {
      upkeep_->event(event, now);
      caller_->event(event, now);
      in_vain |= std::holds_alternative<tunnel::AttemptsExhausted>(event);
    }
    if (in_vain) take_another_port();
  }
}

/// A route may lead to the peer itself. True: it did, and does no more.
bool Link::lead_past_tunnel(const Endpoint& endpoint) {
  if (!endpoint.known() || std::exchange(led_past_, endpoint) == endpoint) return false;
  auto& log = parts_.log;
  const auto is_new = parts_.host.spare(endpoint.address);
  if (!is_new) {
    log.warn("{} lies in one of routes, and cannot be led past the tunnel: {}", to_string(endpoint),
             is_new.error().message);
  } else if (*is_new) {
    log.info("{} lies in one of routes: the encrypted packets are led past the tunnel", to_string(endpoint));
    if (!parts_.doors.sockets.set_mark(parts_.host.mark())) log.warn("cannot mark them: {}", net::describe(errno));
    return true;
  }
  return false;
}

void Link::network_changed(const net::NetworkChange& change) {
  parts_.doors.sockets.try_segmentation_again();
  if (change.addresses && uplink_.waits()) follow_uplink();
  if (!change.links_up.empty() || !change.links_down.empty() || !change.links_deleted.empty() || change.overrun) {
    follow_uplink();
    follow_zone();
    caller_->links_changed();
  }
  if (change.addresses || change.routes || !change.links_up.empty() || change.overrun) caller_->network_changed();
  upkeep_->network_changed(change, parts_.loop.now());
}

Result<> Link::open_sockets(const net::ListenOptions& options) {
  pump_->unwatch_sockets();
  const auto paused = data_path_->pause();
  auto done = uplink_.open(options, parts_.config.local);
  parts_.doors.sockets.set_mark(parts_.host.mark());
  machine_->set_own_port(parts_.doors.sockets.port());
  pump_->watch_sockets();
  return done;
}

void Link::follow_uplink() {
  const auto before = uplink_.problem();
  if (uplink_.look(parts_.config.local)) bind_anew();
  if (uplink_.problem() != before) upkeep_->reloaded();
}

/// On the same port, as the peer may know it: unless the kernel chose that one and somebody else has it by now.
void Link::bind_anew() {
  auto options = host::listen_options(parts_.config);
  if (options.port == 0) options.port = parts_.doors.sockets.port();
  auto done = open_sockets(options);
  if (!done && parts_.config.local.listen.port == 0) done = open_sockets(host::listen_options(parts_.config));
  if (!done) return bind_later(done.error());
  if (uplink_.waits()) return;  // gone again, or the address is not there yet
  const auto& local = parts_.config.local;
  const auto what =
      local.device ? *local.device + " (local.device)" : to_string(local.listen.address) + " (local.listen)";
  parts_.log.info("{} is there: listening on port {}", what, parts_.doors.sockets.port());
  call_anew(std::nullopt);
}

void Link::bind_later(const Error& why) {
  uplink_.failed(why);
  bind_again_.set(parts_.loop.now() + kBindInterval);
}

/// Called after a whole cycle of unanswered calls. A router may have made something of our port that leads nowhere (by
/// an uplink of its that is dead), and keep it for as long as we use it. A port that somebody chose stays: others may
/// know it. The peer knows the first one, and may be on its way to it from somewhere else: each second cycle is there.
void Link::take_another_port() {
  const auto now = parts_.loop.now();
  const auto heard_at = machine_->status().heard_at;
  const bool is_heard = heard_at && now - *heard_at < tunnel::REKEY_ATTEMPT_TIME;
  if (parts_.config.local.listen.port != 0 || is_heard || uplink_.waits()) return;
  const auto before = parts_.doors.sockets.port();
  auto options = host::listen_options(parts_.config);
  options.port = uplink_.next_port();
  auto done = open_sockets(options);
  if (!done && options.port != 0) done = open_sockets(host::listen_options(parts_.config));  // somebody has it by now
  if (!done) return bind_later(done.error());
  if (uplink_.waits()) return;
  // The next cycle, after its pause, is from there.
  parts_.log.debug("nobody answers to what port {} sends: calling from port {}", before, parts_.doors.sockets.port());
}

void Link::follow_zone() {
  const auto there = zone_.moved(machine_->path().remote);
  if (!there) return;
  parts_.log.info("the interface of {} was made anew: following it", to_string(*there));
  data_path_->call(*there, parts_.loop.now());
  zone_.note(*there);
  call_anew(there);
}

/// The names of the peer may mean something else now, or be possible to call at last. `remembered`: as the Link's;
/// none: where it is called now.
void Link::call_anew(std::optional<Endpoint> remembered) {
  const auto remote = machine_->path().remote;
  make_caller(remembered || !remote.known() ? remembered : std::optional(remote));
  caller_->start();
  machine_->forget_source();
  data_path_->retry_now(parts_.loop.now());
  upkeep_->reloaded();
}

path::OffloadReport Link::offloads() const {
  return path::report_offloads(parts_.config.tuning, parts_.doors.device.offloads(), data_path_->merges(),
                               parts_.doors.sockets.offloads());
}

void Link::set_aead(std::unique_ptr<crypto::Aead> aead) {
  data_path_->set_aead(*aead);
  aead_ = std::move(aead);
}

void Link::adopt(const Edit& edit, crypto::PresharedKey preshared_key) {
  const auto& config = parts_.config;
  if (edit.preshared_key) machine_->set_preshared_key(std::move(preshared_key));
  watch_preshared_key(edit.preshared_key);
  machine_->set_allowed_ips(config.peer.allowed_ips);
  machine_->set_ethernet(frame_ends(config), config.tuning.storm_limit);
  set_mtu(parts_.host.mtu());
  machine_->set_probe_ends(probe_ends(config));
  machine_->set_inner(config.interface.addresses);
  machine_->set_copy_dscp(config.tuning.copy_dscp);
  if (edit.has({"peer.keepalive"})) data_path_->set_keepalive(config.peer.keepalive, parts_.loop.now());
  if (edit.has({"tuning.tun_offload"})) data_path_->set_merges(path::merge_options(parts_.doors.device.offloads()));
  if (edit.has({"tuning.workers"})) set_workers();
  parts_.doors.sockets.set_mark(parts_.host.mark());
  machine_->set_own_port(parts_.doors.sockets.port());
  led_past_ = {};
  lead_past_tunnel(machine_->path().remote);
  const bool other_endpoint = edit.has({"peer.endpoint"});
  if (other_endpoint || edit.sockets() || edit.has({"dns.servers"})) {
    const auto remote = machine_->path().remote;
    endpoint_edited_ = other_endpoint && !config.peer.endpoints.empty();
    make_caller(other_endpoint || !remote.known() ? std::nullopt : std::optional(remote));
    caller_->start();
  }
  // The peer must not wait for our next packet to learn where we are now: what it sends until then is lost.
  if (edit.sockets()) {
    machine_->forget_source();
    data_path_->retry_now(parts_.loop.now());
  }
  follow_uplink();
  follow_zone();
  upkeep_->reloaded();
}

void Link::set_mtu(std::uint32_t mtu) {
  machine_->set_mtu(mtu + host::frame_overhead(parts_.config));
  machine_->set_mss_limits(mss_limits(parts_.config, mtu));
}

void Link::call_configured_endpoint() {
  prefer_configured_endpoint();
  make_caller(std::nullopt);
  caller_->start();
  upkeep_->reloaded();
}

void Link::begin_anew(const Edit& edit, Machine machine) {
  const auto remote = machine_->path().remote;
  const bool keep = remote.known() && !edit.has({"peer.public_key", "peer.endpoint"});
  finish();
  upkeep_.reset();
  caller_.reset();
  pump_.reset();
  data_path_.reset();
  machine_ = std::move(machine);
  assemble(keep ? std::optional(remote) : std::nullopt);
  watch_preshared_key(edit.preshared_key);
  start();
}

}  // namespace adit::link
