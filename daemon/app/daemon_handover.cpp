// SPDX-License-Identifier: MIT
// What a run finds of the one before, and leaves to the next.
#include "app/daemon.h"
#include "app/host_plan.h"
#include "app/or_throw.h"
#include "app/paths.h"
#include "config/reader.h"

namespace adit::app {
namespace {

/// Of whatever length the list is.
crypto::Hash hash_of(const std::vector<config::EndpointName>& names) {
  std::string text;
  for (const auto& name : names) text += to_string(name) + '\n';
  return crypto::blake2s({as_bytes(text)});
}

}  // namespace

std::unique_ptr<Daemon::Inherited> Daemon::inherit() {
  auto inherited = std::make_unique<Inherited>();
  inherited->estate = take_estate();
  auto facts = consume_session(inherited->estate.session, inherited->session.saved);
  if (facts && !facts->boot.empty() && facts->boot == read_boot_id()) {
    inherited->facts = std::move(facts);
  } else {
    inherited->estate = {};
  }
  empty_store();
  return inherited;
}

net::TunDevice Daemon::open_device() {
  const auto options = tun_options(config_);
  if (auto& inherited = *inherited_; inherited.facts && inherited.estate.tun) {
    auto adopted = net::TunDevice::adopt(std::move(inherited.estate.tun), options, inherited.facts->tun_existed);
    goes_on_ = adopted.has_value();
    if (adopted) return std::move(*adopted);
    log_.info("{}: making it anew", adopted.error().message);
  }
  return or_throw(net::TunDevice::open(options));
}

net::UdpPair Daemon::open_sockets() {
  const auto options = listen_options(config_);
  auto& estate = inherited_->estate;
  if (inherited_->facts && inherited_->facts->sockets == to_text(options) && (estate.udp4 || estate.udp6)) {
    auto adopted = net::adopt_udp(std::move(estate.udp4), std::move(estate.udp6), options.offload);
    if (adopted) return std::move(*adopted);
    log_.info("{}: opening it anew", adopted.error().message);
  }
  estate.udp4.reset();
  estate.udp6.reset();
  return or_throw(net::open_udp(options));
}

void Daemon::take_over_session() {
  if (inherited_->facts && tunnel_->take_over(inherited_->session.saved, loop_.now())) {
    log_.info("going on with the session of the run before");
  }
  if (inherited_->facts && inherited_->facts->endpoints != hash_of(config_.peer.endpoints)) {
    // As after a reload: where the peer was found is no reason not to call where the file wants it to be called.
    endpoint_edited_ = !config_.peer.endpoints.empty();
    state_.endpoint.reset();
  }
  inherited_.reset();
}

/// Only for a successor that will run: with mistakes in the file it would end at once, and the link with it.
void Daemon::succeed() {
  if (hooks_.running()) {
    log_.error(
        "a hook still runs, and would be lost: try again when it has ended; this run goes on instead of a new one");
    return;
  }
  if (is_set_up_by_wg()) {
    log_.error("a new run would not know what `wg` has set up: this run goes on instead of a new one");
    return;
  }
  const auto next = config::read_config(config_.file, {.credentials_directory = credentials_directory()});
  if (!next) {
    for (const auto& problem : next.error()) log_.error("{}", config::to_string(problem));
    log_.error("{} has mistakes: this run goes on instead of a new one", config_.file);
    return;
  }
  log_.info("making room for a new run");
  ending_ = Ending::succeeded;
  loop_.stop();
}

Result<Estate> Daemon::leave() {
  tunnel::SavedTunnelHolder holder;
  const SessionFacts facts{.boot = read_boot_id(),
                           .sockets = to_text(listen_options(config_)),
                           .endpoints = hash_of(config_.peer.endpoints),
                           .tun_existed = device_.existed_before(),
                           .link = host_.interface_before(),
                           .mtu = host_.mtu()};
  tunnel_->hand_over(holder.saved);
  auto session = write_session(holder.saved, facts);
  if (!session) return std::unexpected(session.error());
  host_.release();
  tun_watch_ = {};
  v4_watch_ = {};
  v6_watch_ = {};
  Estate estate{.session = std::move(*session)};
  estate.tun = device_.release();
  if (sockets_.v4) estate.udp4 = sockets_.v4->release();
  if (sockets_.v6) estate.udp6 = sockets_.v6->release();
  return estate;
}

}  // namespace adit::app
