// SPDX-License-Identifier: MIT
#include "app/daemon.h"

#include <fmt/core.h>

#include <stdexcept>
#include <utility>

#include "app/inheritance.h"
#include "app/privileges.h"
#include "base/or_throw.h"
#include "base/paths.h"
#include "control/control_protocol.h"
#include "control/process_facts.h"
#include "control/wg_device.h"
#include "crypto/backends.h"
#include "crypto/wipe_stack.h"
#include "host/host_plan.h"
#include "host/link_number.h"
#include "host/mtu.h"
#include "tunnel/timers.h"

namespace adit::app {
namespace {

/// A run that goes on with the interface of the one before has so long to have a session: a first handshake may take
/// that.
constexpr Duration kSettling = tunnel::REKEY_TIMEOUT;

/// While there are no sockets yet: that which they will have.
std::uint16_t port_of(const path::Doors& doors, const config::Config& config) {
  const auto port = doors.sockets.port();
  return port != 0 ? port : config.local.listen.port;
}

}  // namespace

Daemon::Daemon(config::Config config, const service::Logging& log, service::KeyLog* key_log)
    : config_(std::move(config)),
      ground_(log),
      signals_(ground_.loop, [this](int number) { signal(number); }, {kSignals.begin(), kSignals.end()}),
      store_(state_directory() / config_.name, service::read_boot_id()),
      hooks_(ground_.loop, ground_.log, ground_.service),
      beside_{.name_servers = {ground_.loop, ground_.log},
              .forwarding = {ground_.log, run_directory(), config_.name},
              .port = {run_directory(), config_.name, service::read_boot_id()},
              .shield = {}} {
  config_.number = host::claim_link_number(run_directory() / ".numbers", config_.name);
  Inheritance inheritance;
  doors_ = inheritance.open_doors(config_, ground_.log);
  // A key log is opened anew by the run that follows this one.
  if (key_log == nullptr) confine_writing(config_, ground_.log);
  run_.goes_on = inheritance.goes_on();
  run_.is_up = inheritance.is_up();
  run_.begun = ground_.loop.now();
  const auto& facts = inheritance.facts();
  host_.emplace(
      config_, doors_->device,
      config_.interface.mtu.value_or(run_.goes_on ? facts->mtu : host::kUnknownPathMtu - host::frame_overhead(config_)),
      interface_past(inheritance));
  note_port();
  control_.emplace(ground_.loop, run_directory(), config_.name,
                   [this](std::string_view request) { return answer(request); });
  begin(inheritance, store_.load(), key_log);
  watch_for_copies(inheritance);
  open_wg_socket();
  ground_.loop.set_turn_end([this] { turn(); });
}

Daemon::~Daemon() {
  if (host_) host_->set_between({});  // the link goes before it
}

/// The link, and what may change it.
void Daemon::begin(Inheritance& inheritance, service::StateStore::Loaded state, service::KeyLog* key_log) {
  auto& log = ground_.log;
  for (const auto& warning : config_.warnings) log.warn("{}", config::to_string(warning));
  for (const auto& warning : state.warnings) log.warn("{}", warning);
  if (state.writable) std::ignore = store_.begin_run(state.restarts);
  run_.restarts = state.restarts;
  // That of a peer this one need not be.
  if (is_set_up_by_wg() || inheritance.endpoints_edited(config_)) state.endpoint.reset();

  timestamps_.emplace(store_, state, log);
  const link::Link::Parts parts{.config = config_,
                                .loop = ground_.loop,
                                .random = ground_.random,
                                .wall_clock = ground_.wall_clock,
                                .log = log,
                                .event_log = ground_.event_log,
                                .doors = *doors_,
                                .host = *host_,
                                .store = store_,
                                .timestamps = *timestamps_,
                                .key_log = key_log,
                                .told = [this](const link::Health& health) { told(health); },
                                .beside = [this] { return namespace_problem(); }};
  auto aead = or_throw(crypto::choose_aead(config_.tuning.crypto, net::boot_now));
  auto machine = or_throw(link::Link::make_machine(parts, config_, host_->mtu()));
  if (inheritance.has_session() && machine->take_over(inheritance.session(), ground_.loop.now())) {
    log.info("going on with the session of the run before");
  }
  told_.history.emplace(machine->status(), ground_.loop.now());
  link_.emplace(parts, std::move(aead), std::move(machine), state.endpoint_of(config_.peer.public_key));
  if (inheritance.endpoints_edited(config_)) link_->prefer_configured_endpoint();
  network_.emplace(
      ground_.loop, doors_->device, [this](const auto& change) { network_changed(change); },
      [this](net::NetworkNamespace::Standing standing) { namespace_renamed(standing); });
  reload_.emplace(Reload::Parts{.config = config_,
                                .link_parts = parts,
                                .link = *link_,
                                .journal = ground_.journal,
                                .service = ground_.service,
                                .move_meanwhile = [this](auto patience) { move_meanwhile(patience); },
                                .adopted = [this](const link::Edit& edit) { adopted(edit); },
                                .replace = [this] { return replace(); },
                                .given_up = [this](const Error& reason) { give_up(reason); }});
  wg_.emplace(control::WgCommands(
      {.config = config_,
       .random = ground_.random,
       .log = log,
       .tunnel = [this]() -> const tunnel::Tunnel& { return link_->machine(); },
       .port = [this] { return doors_->sockets.port(); },
       .change = [this](config::Config& next, const link::Edit& edit) { return reload_->change_by_wg(next, edit); },
       .call_configured = [this] { link_->call_configured_endpoint(); }}));
}

void Daemon::watch_for_copies(const Inheritance& inheritance) {
  const auto noticed = [this](std::string_view why) {
    ground_.log.info("{}: its sessions are given up, and a new one begins", why);
    link_->forget_sessions();
  };
  const auto before = inheritance.has_session() ? std::optional(inheritance.facts()->suspended) : std::nullopt;
  beside_.copies.emplace(ground_.loop, net::suspended_time, noticed, before);
}

/// Without it the link works all the same, so what stands in its way is told and no more.
void Daemon::open_wg_socket() {
  wg_->socket.reset();
  try {
    wg_->socket.emplace(
        ground_.loop, wg_directory(), doors_->device.name(),
        [this](std::string_view request) { return wg_->commands.answer(request); }, control::kWgParagraphs);
  } catch (const std::runtime_error& error) {
    if (is_set_up_by_wg()) throw;
    ground_.log.warn("`wg show` will not find this link: {}", error.what());
  }
}

/// Whoever empties the folder of all links (`rm -rf /run/adit`) does not hear of it, and nothing else would bring back
/// what others find the link by.
void Daemon::keep_sockets() {
  auto& log = ground_.log;
  auto* const wg = wg_ && wg_->socket ? &*wg_->socket : nullptr;
  for (auto* const socket : {&*control_, wg}) {
    const auto done = socket != nullptr ? socket->come_back() : std::nullopt;
    if (!done) continue;
    if (!*done) {
      log.error("{} was taken away: {}; or restart the link (`systemctl restart adit@{}`)", socket->path().string(),
                done->error().message, config_.name);
      continue;
    }
    log.warn("{} was taken away, and was made anew", socket->path().string());
    if (host::claim_link_number(run_directory() / ".numbers", config_.name) != config_.number) {
      log.warn("another link has the number of this one meanwhile, and may mistake its rules: restart this one");
    }
  }
}

Result<Daemon::Ending> Daemon::run() {
  crypto::wipe_stack(crypto::kConfigStack);  // what the file was read with
  const auto& device = doors_->device;
  ground_.log.info(
      "{} serves {} on {}, port {}, {}", "aditd", config_.name, device.name(), port_of(*doors_, config_),
      config_.missing.private_key ? "to be set up by `wg`" : "public key " + crypto::to_base64(link_->public_key()));
  beside_.copies->turn();  // before the first packet: between the runs nobody was there to notice
  host_->set_between([this] { move_meanwhile(std::chrono::milliseconds(0)); });
  tell_what_is_blocked();
  raise_shield();
  if (device.is_away()) link_->upkeep().interface_moved(device.name(), device.moved_to().value_or("nowhere"));
  link_->start();
  turn();
  if (device.index_here() != net::kElsewhere) {
    beside_.name_servers.set(device.index(), config_.dns, run_.goes_on || config_.interface.persist);
  }
  set_forwarding();
  host_->set_hook_runs([this] { return hooks_.running() && !hooks_.ending(); });
  if (run_.is_up) {
    hooks_.already_up();
  } else {
    begin_up();
  }
  ground_.loop.run();
  ground_.loop.set_turn_end({});
  host_->set_between({});
  link_->finish();
  if (run_.ending == Ending::kept) reconsider_keeping();
  // An interface that goes takes its name servers along.
  if (run_.ending == Ending::stopped && config_.interface.persist) beside_.name_servers.take_back();
  if (run_.ending == Ending::stopped) beside_.forwarding.take_back(host_->routed_bridge());
  if (run_.ending == Ending::stopped) beside_.port.remove();
  if (run_.ending != Ending::succeeded) ground_.service.stopping();
  if (run_.failure) return std::unexpected(*run_.failure);
  if (run_.ending == Ending::stopped) host_->let_go();
  store_.end_run();
  return run_.ending;
}

void Daemon::begin_up() {
  hooks_.up(config_.hooks.up, hook_facts(), [this](const Result<>& done) {
    host_->forgo_missing_addresses();
    if (done) return;
    run_.failure = done.error();
    begin_down();
  });
}

void Daemon::turn() {
  const auto now = ground_.loop.now();
  beside_.copies->turn();
  if (auto done = link_->turn(now); !done) give_up(done.error());
  told_.history->note(link_->machine().status(), now);
  ground_.service.turn_end();
}

void Daemon::move_meanwhile(std::chrono::milliseconds patience) {
  link_->move_meanwhile(patience, [this] { beside_.copies->turn_beside_loop(); });
}

void Daemon::told(const link::Health& health) {
  ground_.service.status(link::to_line(health));
  tell_events(health);
  keep_sockets();
  note_port();  // it may have been put into a bridge that was made anew
  if (health.state == link::State::up) host_->hold();
  if (host_->interface_is_away()) look_whether_back();
  // Sockets may come later than the link, or be other ones by now, or marked since the peer's address is known.
  if (beside_.shield.is_for_another(doors_->sockets.port(), host_->mark())) raise_shield();
  // Without keepalives an idle link is stale, too, and then the first frame or question for a name wakes it.
  const bool calls = link_ && link_->machine().status().attempts > 1;
  const auto idle = [calls](link::State state) { return state == link::State::stale && !calls; };
  const auto session = health.session;
  if (config_.interface.mode == config::Mode::tap && !idle(session)) set_carrier(session == link::State::up);
  if (!idle(health.state)) beside_.name_servers.serve(health.state == link::State::up);
}

/// Whoever is on the Ethernet is to see that nothing passes, as of a cable that was pulled. What is amiss with an
/// address of this host's is no reason: most of the frames are others'.
void Daemon::set_carrier(bool there) {
  // That of the run before, which had a session mostly: one that goes on, or is made at once, is no cable pulled.
  const bool settles = run_.goes_on && !run_.carrier && ground_.loop.now() - run_.begun < kSettling;
  if (run_.carrier == there || (settles && !there)) return;
  run_.carrier = there;
  if (!doors_->device.set_carrier(there)) ground_.log.debug("this kernel cannot be told the carrier of a TAP");
}

/// `adit events`, and the hooks that go with a state.
void Daemon::tell_events(const link::Health& health) {
  if (!link_) return;  // it is about to be
  const auto lines = told_.events.changes({.link = config_.name,
                                           .state = health.state,
                                           .reason = health.reason,
                                           .endpoint = link_->machine().path().remote,
                                           .device = link_->device(),
                                           .mtu = host_->mtu(),
                                           .path = link_->upkeep().path(),
                                           .put_back = link_->upkeep().put_back(),
                                           .bypasses = link_->upkeep().bypasses()},
                                          ground_.wall_clock.now());
  for (const auto& line : lines) control_->publish(line, control::lost_line);
  if (!told_.events.moved()) return;
  auto facts = hook_facts();
  facts.state = link::name_of(health.state);
  facts.reason = health.reason;
  hooks_.state(config_.hooks.state, facts);
}

void Daemon::adopted(const link::Edit& edit) {
  if (edit.has({"routes", "interface.addresses"})) tell_what_is_blocked();
  if (edit.sockets() || edit.has({"routes", "interface.addresses", "interface.name"})) raise_shield();
  if (edit.identity()) told_.history->restart(link_->machine().status());
  if (edit.has({"interface.name"})) open_wg_socket();
  if (edit.has({"dns.servers", "dns.domains"}) && doors_->device.index_here() != net::kElsewhere) {
    beside_.name_servers.set(doors_->device.index(), config_.dns);
  }
  if (edit.has({"interface.forward", "interface.addresses"})) set_forwarding();
  note_port();
  if (edit.has({"hooks.up", "hooks.down", "hooks.state"})) tell_of_hooks(config_.hooks, ground_.log);
}

host::HookFacts Daemon::hook_facts() const {
  host::HookFacts facts{.link = config_.name,
                        .interface = doors_->device.name(),
                        .netns = config_.interface.netns,
                        .addresses = config_.interface.addresses,
                        .mtu = host_->mtu(),
                        .listen = port_of(*doors_, config_),
                        .peer = config_.peer.public_key,
                        .endpoint = link_->machine().path().remote};
  for (const auto& route : config_.routes) facts.routes.push_back(route.to);
  return facts;
}

std::string Daemon::answer(std::string_view request) {
  const crypto::WipedStack wiped(crypto::kConfigStack);
  const auto reload = [this] {
    auto outcome = reload_->from_file();
    if (outcome) reloaded();
    return outcome;
  };
  return control::answer(request, {.status = [this] { return report(); },
                                   .history = [this] { return told_.history->recent(ground_.loop.now()); },
                                   .reload = reload,
                                   .events = [this] { return told_.events.now(ground_.wall_clock.now()); }});
}

control::Report Daemon::report() {
  auto& upkeep = link_->upkeep();
  const auto& machine = link_->machine();
  const auto& missing = config_.missing;
  auto health = upkeep.look(ground_.loop.now());
  auto status = machine.status();
  status.drops.add(tunnel::DropReason::interface_queue_full, host_->look_at_dropped());
  return {.name = config_.name,
          .interface = doors_->device.name(),
          .netns = config_.interface.netns,
          .mac = doors_->device.offloads().frames ? to_string(config_.interface.tap.mac) : "",
          .bridge = config_.interface.tap.bridge,
          .learnt_macs = host_->look_at_learnt(),
          .health = std::move(health),
          .since = upkeep.since(),
          .peer_key = missing.peer ? std::nullopt : std::optional(config_.peer.public_key),
          .remote = machine.path().remote,
          .keepalive = machine.keepalive(),
          .local_key = missing.private_key ? std::nullopt : std::optional(link_->public_key()),
          .device = link_->device(),
          .listen = host::listen_text(config_.local.listen, port_of(*doors_, config_)),
          .status = status,
          .mtu = host_->mtu(),
          .path = upkeep.path(),
          .crypto = link_->crypto_name(),
          .offload = link_->offloads(),
          .routes = host_->routes(),
          .blocked = host::blocked_families(config_),
          .observations = upkeep.observations().list(),
          .process = control::process_facts(),
          .changed_by_wg = wg_->commands.changed(),
          .workers = link_->workers(),
          .restarts = run_.restarts};
}

}  // namespace adit::app
