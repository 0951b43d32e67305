// SPDX-License-Identifier: MIT
#include "app/daemon.h"

#include <fmt/core.h>
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <nlohmann/json.hpp>
#include <tuple>
#include <utility>

#include "app/control_protocol.h"
#include "app/host_plan.h"
#include "app/mtu.h"
#include "app/or_throw.h"
#include "app/paths.h"
#include "app/status_report.h"
#include "crypto/backends.h"

namespace adit::app {
namespace {

/// What an event may cause is done in the same turn, but events that cause events must not keep packets waiting.
constexpr int kEventRounds = 4;

}  // namespace

Daemon::Daemon(config::Config config, const Log& log, KeyLog* key_log)
    : inherited_(inherit()),
      config_(std::move(config)),
      public_key_(crypto::public_key_of(config_.local.private_key)),
      log_(*log.logger),
      journal_(log.journal),
      event_log_(*log.logger, log.journal.get()),
      key_log_(key_log),
      aead_(or_throw(crypto::choose_aead(config_.tuning.crypto, net::boot_now))),
      signals_(loop_, [this](int number) { signal(number); }, {SIGTERM, SIGINT, SIGHUP, SIGUSR2}),
      service_(loop_),
      device_(open_device()),
      sockets_(open_sockets()),
      host_(config_, device_,
            config_.interface.mtu.value_or(inherited_->facts ? inherited_->facts->mtu : kUnknownPathMtu),
            goes_on_ ? std::optional(inherited_->facts->link) : std::nullopt),
      control_(loop_, run_directory(), config_.name, [this](std::string_view request) { return answer(request); }),
      store_(state_directory() / config_.name, read_boot_id()),
      state_(store_.load()),
      tun_port_(device_),
      udp_port_(sockets_),
      tick_(loop_, [] {}),
      hooks_(loop_, log_),
      name_servers_(loop_, log_),
      timestamps_lost_(!state_.writable) {
  for (const auto& warning : config_.warnings) log_.warn("{}", config::to_string(warning));
  for (const auto& warning : state_.warnings) log_.warn("{}", warning);
  if (state_.writable) std::ignore = store_.begin_run(state_.restarts);
  if (is_set_up_by_wg()) state_.endpoint.reset();  // that of a peer this one need not be
  tunnel_ = or_throw(make_tunnel(config_, host_.mtu()));
  take_over_session();
  history_.emplace(tunnel_->status(), loop_.now());
  make_link();
  tun_watch_ = loop_.watch(device_.fd(), EPOLLIN, [this](std::uint32_t) { packets_wait_ = true; });
  watch_udp();
  watch_preshared_key();
  open_wg_socket();
  loop_.set_turn_end([this] { turn(); });
}

/// Takes the keys out of `config`.
Result<std::unique_ptr<tunnel::Tunnel>> Daemon::make_tunnel(config::Config& config, std::uint32_t mtu) {
  if (key_log_ != nullptr) key_log_->static_keys(config.local.private_key, config.peer.public_key);
  tunnel::Settings settings{.private_key = std::move(config.local.private_key),
                            .peer_key = config.peer.public_key,
                            .preshared_key = std::move(config.peer.preshared_key),
                            .keepalive = config.peer.keepalive,
                            .allowed_ips = config.peer.allowed_ips,
                            .mtu = mtu,
                            .last_timestamp = state_.timestamp,
                            .copy_dscp = config.tuning.copy_dscp};
  auto made = tunnel::Tunnel::make(std::move(settings), random_, wall_clock_);
  if (made) (*made)->set_key_observer(key_log_);
  // The keys that live as long as the tunnel are not to be on the disk; those of a session are gone in minutes. Under
  // systemd the unit keeps all of the daemon out of swap.
  if (made && ::mlock(made->get(), sizeof **made) != 0) {
    log_.debug("the private key may be swapped to disk: {}", net::describe(errno));
  }
  return made;
}

void Daemon::make_link() {
  data_path_.emplace(*tunnel_, *aead_, tun_port_, udp_port_, merge_options(device_.offloads()),
                     [this](const noise::Tai64n& timestamp) { keep_timestamp(timestamp); });
  or_throw(have_what_was_asked(config_.tuning, offloads()));
  make_caller(state_.endpoint);
  upkeep_.emplace(Upkeep::Parts{.config = config_,
                                .interface = device_.index(),
                                .loop = loop_,
                                .wall_clock = wall_clock_,
                                .log = log_,
                                .event_log = event_log_,
                                .tunnel = *tunnel_,
                                .data_path = *data_path_,
                                .host = host_,
                                .caller = *caller_,
                                .store = store_,
                                .told = [this](const Health& health) { service_.status(health); }});
  monitor_.emplace(loop_, [this](const net::NetworkChange& change) { network_changed(change); });
}

void Daemon::make_caller(std::optional<Endpoint> remembered) {
  CallerOptions options{.names = config_.peer.endpoints,
                        .remembered = remembered,
                        .resolver = {.fwmark = datagram_mark(config_)},
                        .has_v4 = sockets_.v4.has_value(),
                        .has_v6 = sockets_.v6.has_value()};
  const auto line = [this] {
    const auto& status = tunnel_->status();
    const bool heard_lately = status.heard_at && loop_.now() - *status.heard_at < Endpoints::kPatienceTime;
    const bool alive = status.handshake_at && (status.attempts <= 1 || heard_lately);
    return Endpoints::Line{.remote = tunnel_->path().remote, .alive = alive && !endpoint_edited_};
  };
  const auto call = [this](const Endpoint& endpoint) {
    endpoint_edited_ = false;
    data_path_->call(endpoint, loop_.now());
    upkeep_->called();
  };
  caller_.emplace(loop_, random_, log_, std::move(options), line, call);
}

void Daemon::watch_udp() {
  const auto watch = [this](std::optional<net::UdpSocket>& socket) {
    if (!socket) return net::Watch();
    return loop_.watch(socket->fd(), EPOLLIN, [this, family = socket->family()](std::uint32_t events) {
      room_to_send_ |= (events & EPOLLOUT) != 0;
      if ((events & ~EPOLLOUT) == 0) return;
      datagrams_wait_ = true;
      udp_port_.mark_readable(family);
    });
  };
  v4_watch_ = watch(sockets_.v4);
  v6_watch_ = watch(sockets_.v6);
}

Result<Daemon::Ending> Daemon::run() {
  log_.info("{} serves {} on {}, port {}, {}", "aditd", config_.name, device_.name(), sockets_.port(),
            config_.missing.private_key ? "to be set up by `wg`" : "public key " + crypto::to_base64(public_key_));
  caller_->start();
  turn();
  name_servers_.set(device_.index(), config_.dns, goes_on_ || config_.interface.persist);
  begin_up();
  loop_.run();
  loop_.set_turn_end({});
  // An interface that goes takes its name servers along.
  if (ending_ == Ending::stopped && config_.interface.persist) name_servers_.take_back();
  if (ending_ != Ending::succeeded) service_.stopping();
  if (failure_) return std::unexpected(*failure_);
  store_.end_run();
  return ending_;
}

void Daemon::signal(int number) {
  if (number == SIGHUP) {
    std::ignore = reload();
    return;
  }
  if (number == SIGUSR2) {
    succeed();
    return;
  }
  log_.info("ending on {}", number == SIGTERM ? "SIGTERM" : "SIGINT");
  if (hooks_.ending()) {
    loop_.stop();  // whoever asks twice does not want to wait
    return;
  }
  // With a hook cut short nobody knows what it has done: then all is taken back, and done again.
  if (number == SIGTERM && !hooks_.running() && !is_set_up_by_wg() && ServiceManager::is_restarting()) {
    ending_ = Ending::kept;
    loop_.stop();
    return;
  }
  begin_down();
}

void Daemon::network_changed(const net::NetworkChange& change) {
  if (std::ranges::find(change.links_deleted, device_.index()) != change.links_deleted.end()) {
    if (is_set_up_by_wg()) {
      log_.info("ending, since the interface {} was deleted", device_.name());
      loop_.stop();
    } else {
      give_up(interface_removed());
    }
    return;
  }
  if (is_set_up_by_wg()) follow_interface();
  sockets_.try_segmentation_again();
  upkeep_->network_changed(change, loop_.now());
}

/// Datagrams first: what they deliver makes the kernel answer at once, and the answers are in the same turn's packets.
void Daemon::turn() {
  const auto now = loop_.now();
  move_packets(now);
  if (tunnel_->deadline() <= now) data_path_->tick(now);
  handle_events(now);
  upkeep_->turn_end(now);
  handle_events(now);
  history_->note(tunnel_->status(), now);
  set_interest();
  plan_tick();
  tell_of_refused_offloads();
  service_.turn_end();
}

void Daemon::move_packets(Instant now) {
  if (std::exchange(room_to_send_, false)) data_path_->resume(now);
  const bool received = std::exchange(datagrams_wait_, false);
  if (received) {
    if (const auto result = data_path_->receive(now); result.error != 0) {
      give_up(fmt::format("the UDP socket can no longer be used: {}", net::describe(result.error)));
    }
  }
  const bool waiting = std::exchange(packets_wait_, false);
  if ((received || waiting) && data_path_->blocked() == Family::none) {
    if (const auto result = data_path_->send(now); result.error != 0) {
      give_up(net::TunDevice::is_gone(result.error) ? interface_removed()
                                                    : fmt::format("the interface {} can no longer be read: {}",
                                                                  device_.name(), net::describe(result.error)));
    }
  }
}

void Daemon::handle_events(Instant now) {
  for (int round = 0; round < kEventRounds; ++round) {
    data_path_->take_events(events_);
    if (events_.empty()) return;
    const auto events = std::exchange(events_, {});
    for (const auto& event : events) {
      upkeep_->event(event, now);
      caller_->event(event, now);
    }
  }
}

/// While a socket is full, packets wait in the kernel.
void Daemon::set_interest() {
  const auto blocked = data_path_->blocked();
  tun_watch_.set_events(blocked == Family::none ? std::uint32_t{EPOLLIN} : 0);
  if (v4_watch_) v4_watch_.set_events(blocked == Family::v4 ? EPOLLIN | EPOLLOUT : EPOLLIN);
  if (v6_watch_) v6_watch_.set_events(blocked == Family::v6 ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

/// Nearly every packet moves a deadline into the future. The timer is left where it is then, and looks again.
void Daemon::plan_tick() {
  const auto deadline = tunnel_->deadline();
  if (deadline == tunnel::kNever) return;
  if (!tick_.deadline() || deadline < *tick_.deadline()) tick_.set(deadline);
}

OffloadReport Daemon::offloads() const {
  return report_offloads(config_.tuning, device_.offloads(), data_path_->merges(), sockets_.offloads());
}

void Daemon::tell_of_refused_offloads() {
  for (const auto& sentence : refusal_news_.of(offloads())) log_.warn("{}", sentence);
}

std::string Daemon::answer(std::string_view request) {
  const auto status = [this] {
    const auto& health = upkeep_->look(loop_.now());
    return to_json({.name = config_.name,
                    .interface = device_.name(),
                    .health = health,
                    .since = upkeep_->since(),
                    .peer_key = config_.missing.peer ? std::nullopt : std::optional(config_.peer.public_key),
                    .remote = tunnel_->path().remote,
                    .keepalive = tunnel_->keepalive(),
                    .local_key = config_.missing.private_key ? std::nullopt : std::optional(public_key_),
                    .listen = listen_text(config_.local.listen, sockets_.port()),
                    .status = tunnel_->status(),
                    .mtu = host_.mtu(),
                    .crypto = aead_->name(),
                    .offload = offloads(),
                    .routes = host_.routes(),
                    .observations = upkeep_->observations().list(),
                    .process = process_facts(),
                    .changed_by_wg = changed_by_wg_,
                    .restarts = state_.restarts});
  };
  const auto history = [this] { return to_json(history_->recent(loop_.now())); };
  return app::answer(request, {.status = status, .history = history, .reload = [this] { return reload(); }});
}

std::string Daemon::interface_removed() const {
  return fmt::format("the interface {} was removed while in use: start aditd again (systemd does so by itself)",
                     device_.name());
}

void Daemon::give_up(std::string reason) {
  if (!failure_) failure_ = Error{std::move(reason)};
  loop_.stop();
}

void Daemon::keep_timestamp(const noise::Tai64n& timestamp) {
  state_.timestamp = timestamp;
  const auto saved = store_.save_timestamp(timestamp);
  if (!saved && !timestamps_lost_) {
    log_.warn("{}: if aditd restarts and this host's clock goes back, the peer will refuse handshakes for that long",
              saved.error().message);
  }
  timestamps_lost_ = !saved;
}

}  // namespace adit::app
