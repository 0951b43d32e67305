// SPDX-License-Identifier: MIT
// The way from one configuration to the next, on a running link. In three steps: make what can fail and touches
// nothing; change what can fail and be changed back; then what cannot fail. What is the same in both files is not
// touched: the session, its counters and the learned endpoint survive everything but a change of identity (our key, or
// the peer's).
#include <fmt/core.h>

#include <algorithm>
#include <functional>
#include <ranges>

#include "app/daemon.h"
#include "app/host_plan.h"
#include "app/logging.h"
#include "app/mtu.h"
#include "app/paths.h"
#include "config/key_source.h"
#include "config/reader.h"
#include "crypto/backends.h"

namespace adit::app {
namespace {

/// Steps back, taken in reverse unless all went well.
class Undo {
 public:
  Undo() = default;
  Undo(const Undo&) = delete;
  Undo& operator=(const Undo&) = delete;
  ~Undo() {
    for (const auto& step : std::views::reverse(steps_)) step();
  }
  void add(std::function<void()> step) { steps_.push_back(std::move(step)); }
  void forget() { steps_.clear(); }

 private:
  std::vector<std::function<void()>> steps_;
};

/// The service manager hears of the reload's end, whichever way it goes.
class NotifyReload {
 public:
  explicit NotifyReload(ServiceManager& service) : service_(service) { service_.reloading(); }
  NotifyReload(const NotifyReload&) = delete;
  NotifyReload& operator=(const NotifyReload&) = delete;
  ~NotifyReload() { service_.reloaded(); }

 private:
  ServiceManager& service_;
};

}  // namespace

bool Daemon::Edit::has(std::initializer_list<std::string_view> keys) const {
  return std::ranges::any_of(changes, [&](const auto& change) { return std::ranges::count(keys, change.key) != 0; });
}

bool Daemon::Edit::sockets() const {
  return mark || has({"local.listen", "local.device", "local.fwmark", "tuning.udp_offload", "tuning.receive_buffer",
                      "tuning.send_buffer"});
}

std::vector<std::string> Daemon::Edit::keys() const {
  std::vector<std::string> keys;
  for (const auto& change : changes) keys.push_back(change.key);
  if (our_key) keys.emplace_back("local.private_key");
  if (preshared_key) keys.emplace_back("peer.preshared_key");
  return keys;
}

/// `next` holds its keys still.
Daemon::Edit Daemon::edit_to(const config::Config& next) const {
  return {.changes = config::difference(config_, next),
          .our_key = crypto::public_key_of(next.local.private_key) != public_key_,
          .preshared_key = !tunnel_->has_preshared_key(next.peer.preshared_key),
          .mark = datagram_mark(config_) != datagram_mark(next)};
}

std::vector<std::string> Daemon::describe(const Edit& edit) {
  std::vector<std::string> sentences;
  for (const auto& change : edit.changes) sentences.push_back(config::to_string(change));
  if (edit.our_key) sentences.emplace_back("local.private_key: another key");
  if (edit.identity()) sentences.emplace_back("the link begins anew, with a new session");
  if (edit.preshared_key) sentences.emplace_back("peer.preshared_key: another key, from the next handshake on");
  return sentences;
}

ReloadOutcome Daemon::reload() {
  const auto tell = [this](const std::string& sentence) {
    if (journal_) {
      journal_->write(spdlog::level::err, sentence, {entry::kConfigInvalid, {}});
    } else {
      log_.error("{}", sentence);
    }
  };
  const auto refuse = [&tell](ReloadRefusal refusal) -> ReloadOutcome {
    for (const auto& problem : refusal.problems) tell(problem);
    tell(refusal.sentence);
    return std::unexpected(std::move(refusal));
  };
  if (is_set_up_by_wg()) {
    return refuse({fmt::format("{} has no file that could be read again: `wg` sets it up", config_.name), {}});
  }
  const NotifyReload notify(service_);
  auto next = config::read_config(config_.file, {.credentials_directory = credentials_directory()});
  if (!next) {
    ReloadRefusal refusal{.sentence = fmt::format("{} has mistakes: nothing was changed", config_.file),
                          .problems = {}};
    for (const auto& problem : next.error()) refusal.problems.push_back(config::to_string(problem));
    return refuse(std::move(refusal));
  }
  const auto edit = edit_to(*next);
  auto sentences = describe(edit);
  if (auto done = change_to(*next, edit); !done) {
    return refuse(ReloadRefusal{fmt::format("{}: nothing was changed", done.error().message), {}});
  }
  changed_by_wg_.clear();
  for (const auto& sentence : sentences) log_.info("reload: {}", sentence);
  if (sentences.empty()) log_.info("reload: the file says what it said before");
  return sentences;
}

Result<> Daemon::change_to(config::Config& next, const Edit& edit) {
  std::unique_ptr<crypto::Aead> aead;
  if (edit.has({"tuning.crypto"})) {
    auto chosen = crypto::choose_aead(next.tuning.crypto, net::boot_now);
    if (!chosen) return std::unexpected(chosen.error());
    aead = std::move(*chosen);
  }
  // From fixed to auto the MTU begins with a cautious guess, as at the start; the way to the peer will tell.
  const auto mtu = next.interface.mtu.value_or(config_.interface.mtu ? kUnknownPathMtu : host_.mtu());
  const auto public_key = crypto::public_key_of(next.local.private_key);
  std::unique_ptr<tunnel::Tunnel> successor;
  if (edit.identity()) {
    auto made = make_tunnel(next, mtu);
    if (!made) return std::unexpected(made.error());
    successor = std::move(*made);
  }

  Undo undo;
  if (edit.has({"interface.name"})) {
    if (auto done = host_.rename(next.interface.name); !done) return done;
    device_.set_name(next.interface.name);
    undo.add([this] {
      if (host_.rename(config_.interface.name)) device_.set_name(config_.interface.name);
    });
  }
  undo.add([this] { std::ignore = device_.change(tun_options(config_)); });
  if (auto done = device_.change(tun_options(next)); !done) return done;
  if (!is_set_up_by_wg()) {
    undo.add([this, before = host_.mtu()] { std::ignore = host_.change(config_, before); });
    if (auto done = host_.change(next, mtu); !done) return done;
  }
  if (edit.sockets()) {
    auto options = listen_options(next);
    const auto port = sockets_.port();
    if (options.port == 0 && config_.local.listen.port == 0) options.port = port;
    undo.add([this, port] {
      auto before = listen_options(config_);
      before.port = port;
      if (auto done = reopen_sockets(before); !done) give_up(done.error().message);
    });
    if (auto done = reopen_sockets(options); !done) return done;
  }
  const auto offered =
      report_offloads(next.tuning, device_.offloads(), merge_options(device_.offloads()), sockets_.offloads());
  if (auto done = have_what_was_asked(next.tuning, offered); !done) return done;
  undo.forget();

  if (aead) {
    data_path_->set_aead(*aead);
    aead_ = std::move(aead);
  }
  public_key_ = public_key;
  adopt(std::move(next), edit, std::move(successor));
  return {};
}

/// Programs that agree on a key with the peer's put it there, again and again.
void Daemon::watch_preshared_key() {
  preshared_key_watch_.reset();
  const auto& file = config_.peer.preshared_key_file;
  if (file.empty()) return;
  preshared_key_watch_.emplace(loop_, file, [this] { preshared_key_changed(); });
  if (!preshared_key_watch_->works()) {
    log_.warn("changes of {} will not be noticed by themselves: reload after them", file.native());
  }
}

void Daemon::preshared_key_changed() {
  auto key = config::read_preshared_key_file(config_.peer.preshared_key_file);
  if (!key) {
    log_.warn("peer.preshared_key_file: {}; the key in use stays", key.error().message);
  } else if (!tunnel_->has_preshared_key(*key)) {
    tunnel_->set_preshared_key(std::move(*key));
    log_.info("peer.preshared_key_file: another key, from the next handshake on");
  }
}

/// Nothing here can fail.
void Daemon::adopt(config::Config next, const Edit& edit, std::unique_ptr<tunnel::Tunnel> successor) {
  const auto now = loop_.now();
  const auto remote = tunnel_->path().remote;
  const bool renamed = edit.has({"interface.name"});
  const auto known = remote.known() && !edit.has({"peer.public_key"}) ? std::optional(remote) : std::nullopt;
  config_ = std::move(next);
  set_level(log_, config_.log_level);
  if (journal_) journal_->set_peer(crypto::to_base64(config_.peer.public_key));
  watch_preshared_key();
  if (renamed) open_wg_socket();
  if (edit.has({"dns.servers", "dns.domains"})) name_servers_.set(device_.index(), config_.dns);
  for (const auto& warning : config_.warnings) log_.warn("{}", config::to_string(warning));

  if (successor) {
    upkeep_.reset();
    caller_.reset();
    data_path_.reset();
    tunnel_ = std::move(successor);
    history_->restart(tunnel_->status());
    state_.endpoint = edit.has({"peer.endpoint"}) ? std::nullopt : known;
    make_link();
    caller_->start();
    return;
  }
  config_.local.private_key.wipe();
  if (edit.preshared_key) tunnel_->set_preshared_key(std::move(config_.peer.preshared_key));
  config_.peer.preshared_key.wipe();
  tunnel_->set_allowed_ips(config_.peer.allowed_ips);
  tunnel_->set_mtu(host_.mtu());
  tunnel_->set_copy_dscp(config_.tuning.copy_dscp);
  if (edit.has({"peer.keepalive"})) data_path_->set_keepalive(config_.peer.keepalive, now);
  if (edit.has({"tuning.tun_offload"})) data_path_->set_merges(merge_options(device_.offloads()));
  if (edit.has({"peer.endpoint"}) || edit.sockets()) {
    endpoint_edited_ = edit.has({"peer.endpoint"}) && !config_.peer.endpoints.empty();
    make_caller(edit.has({"peer.endpoint"}) ? std::nullopt : known);
    caller_->start();
  }
  upkeep_->reloaded();
}

/// The old ones are closed first: the new ones may want the same port.
Result<> Daemon::reopen_sockets(const net::ListenOptions& options) {
  v4_watch_ = {};
  v6_watch_ = {};
  sockets_ = {};
  auto opened = net::open_udp(options);
  if (!opened) return std::unexpected(opened.error());
  sockets_ = std::move(*opened);
  watch_udp();
  return {};
}

}  // namespace adit::app
