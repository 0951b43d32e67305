// SPDX-License-Identifier: MIT
#include "app/inheritance.h"

#include "base/or_throw.h"
#include "host/host_plan.h"
#include "net/device_binding.h"
#include "net/system.h"
#include "path/processors.h"
#include "service/state_store.h"

namespace adit::app {
namespace {

/// Of whatever length the list is.
crypto::Hash hash_of(const std::vector<config::EndpointName>& names) {
  std::string text;
  for (const auto& name : names) text += config::to_string(name) + '\n';
  return crypto::blake2s({as_bytes(text)});
}

}  // namespace

Inheritance::Inheritance() : estate_(service::take_estate()) {
  auto facts = service::consume_session(estate_.session, session_->saved, net::boot_now());
  // Without facts, as of a release that wrote them in another way, the interface and the sockets speak for themselves.
  const bool same_boot = !facts || (!facts->boot.empty() && facts->boot == service::read_boot_id());
  const bool any = estate_.tun || estate_.udp4 || estate_.udp6 || estate_.session || estate_.tun_writer;
  if (!same_boot) estate_ = {};
  if (same_boot) facts_ = std::move(facts);
  estate_.session.reset();
  if (any) service::empty_store();
}

std::unique_ptr<path::Doors> Inheritance::open_doors(const config::Config& config, Log& log) {
  auto device = open_device(config, log);
  return std::make_unique<path::Doors>(std::move(device), open_sockets(config, log));
}

net::TunDevice Inheritance::open_device(const config::Config& config, Log& log) {
  auto options = host::tun_options(config);
  options.queues = path::workers_for(config.tuning, path::usable_processors()).count;
  if (estate_.tun) {
    // Where the host's default route is to lead into it, it is wanted here.
    net::TunDevice::Past past{.existed_before = !options.persist && net::TunDevice::is_persistent(estate_.tun)};
    if (facts_) past = {facts_->tun_existed, facts_->tun_moved && host::default_families(config).empty()};
    auto queues = std::move(estate_.tun_queues);
    if (estate_.tun_writer) queues.push_back(std::move(estate_.tun_writer));
    auto adopted = net::TunDevice::adopt(std::move(estate_.tun), std::move(queues), options, past);
    goes_on_ = adopted && facts_;
    if (adopted && adopted->queues() > 1 && !adopted->has_writer()) {
      log.info(
          "the queue that {} is written by did not come from the run before: flows gather in one queue until adit "
          "is stopped and started",
          options.name);
    }
    if (adopted) return std::move(*adopted);
    log.info("{}: making it anew", adopted.error().message);
  }
  estate_.tun_writer.reset();  // it would keep the interface alive
  return or_throw(net::TunDevice::open(options));
}

net::UdpPair Inheritance::open_sockets(const config::Config& config, Log& log) {
  const auto options = host::listen_options(config);
  if (estate_.udp4 || estate_.udp6) {
    auto adopted = net::adopt_udp(std::move(estate_.udp4), std::move(estate_.udp6), options);
    if (adopted) return std::move(*adopted);
    log.info("{}: opening it anew", adopted.error().message);
  }
  estate_.udp4.reset();
  estate_.udp6.reset();
  return or_throw(net::open_udp_when_there(options));
}

bool Inheritance::endpoints_edited(const config::Config& config) const {
  return facts_ && facts_->endpoints != hash_of(config.peer.endpoints);
}

Result<service::Estate> bequeath(FileDescriptor session, const config::Config& config, path::Doors& doors,
                                 host::HostSetup& host, tunnel::Tunnel& tunnel, bool down_ran, Duration suspended) {
  const auto holder = std::make_unique<tunnel::SavedTunnelHolder>();  // in locked memory
  auto past = host.interface_past();
  const service::SessionFacts facts{.boot = service::read_boot_id(),
                                    .endpoints = hash_of(config.peer.endpoints),
                                    .tun_existed = doors.device.existed_before(),
                                    .tun_moved = host.interface_is_away(),
                                    .link = std::move(past.before),
                                    .bridge = past.bridge,
                                    .mtu = host.mtu(),
                                    .suspended = suspended,
                                    .down_ran = down_ran};
  tunnel.hand_over(holder->saved);
  if (auto done = service::write_session(session, holder->saved, facts); !done) return std::unexpected(done.error());
  // After the hooks for `down` another interface is likely to be next. Ours go with their descriptors then.
  host.release(!down_ran || !doors.device.existed_before());
  service::Estate estate{.session = std::move(session)};
  estate.tun = doors.device.release();
  auto queues = doors.device.release_queues();
  estate.tun_queues = std::move(queues.more);
  estate.tun_writer = std::move(queues.writer);
  if (doors.sockets.v4) estate.udp4 = doors.sockets.v4->release();
  if (doors.sockets.v6) estate.udp6 = doors.sockets.v6->release();
  return estate;
}

}  // namespace adit::app
