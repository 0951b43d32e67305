// SPDX-License-Identifier: MIT
// What the host does to the interface of a running link, and what follows from it.
#include "app/daemon.h"

#include <fmt/core.h>
#include <net/if.h>

#include <algorithm>

#include "app/inheritance.h"
#include "host/host_plan.h"

namespace adit::app {
namespace {

/// Between tries to take up an interface that is back, at first and at most.
constexpr Duration kBackPause = std::chrono::seconds(2);
constexpr Duration kLongestBackPause = std::chrono::minutes(5);

}  // namespace

void Daemon::network_changed(const net::NetworkChange& change) {
  if (lost_interface(change)) return;
  follow_name(change);
  if (is_set_up_by_wg()) follow_interface();
  if (hooks_.running() && !hooks_.ending()) host_->forgo_missing_addresses();
  const bool links = !change.links_up.empty() || !change.links_down.empty() || change.overrun;
  if (links && config_.interface.forward) beside_.forwarding.links_changed();
  link_->network_changed(change);
}

/// True: this run is over. An interface that was moved to another network namespace, as one does for a container, only
/// looks as if it had been deleted.
bool Daemon::lost_interface(const net::NetworkChange& change) {
  const auto& device = doors_->device;
  const auto has_ours = [&](const auto& links) { return std::ranges::find(links, device.index_here()) != links.end(); };
  if (host_->interface_is_away()) {
    look_whether_back();
    return false;
  }
  // The news of a move may be among what was lost; of a deletion the device itself will tell.
  if (!has_ours(change.links_deleted) && (!change.overrun || device.is_at_home())) return false;
  if (const auto place = device.moved_to()) {
    host_->interface_left();
    run_.back_due = {};
    run_.back_pause = kBackPause;
    link_->upkeep().interface_moved(device.name(), *place);
    return false;
  }
  if (is_set_up_by_wg()) {
    ground_.log.info("ending, since the interface {} was deleted", device.name());
    ground_.loop.stop();
  } else {
    give_up(path::interface_removed(device.name()));
  }
  return true;
}

/// With each news of the host's links, and each look at the link, and the more rarely the more often it was in vain.
void Daemon::look_whether_back() {
  const auto now = ground_.loop.now();
  if (now < run_.back_due || !doors_->device.is_at_home()) return;
  run_.back_due = now + run_.back_pause;
  run_.back_pause = std::min(2 * run_.back_pause, kLongestBackPause);
  interface_is_back();
}

/// Its number may have been given away meanwhile, and it has another one: a successor takes it up by that.
void Daemon::interface_is_back() {
  const auto& device = doors_->device;
  const auto number = if_nametoindex(device.name_in_kernel().c_str());
  if (!device.netns() && number != device.index()) {
    if (number == 0 || is_set_up_by_wg()) return;
    ground_.log.info("the interface {} is back in its network namespace, under another number", device.name());
    return succeed();
  }
  ground_.log.info("the interface {} is back in its network namespace", device.name());
  if (auto done = host_->interface_came_back(!is_set_up_by_wg()); !done) ground_.log.error("{}", done.error().message);
}

/// Addresses and routes go by its number, and follow by themselves. Who set a link up by `wg` knows it by its name.
void Daemon::follow_name(const net::NetworkChange& change) {
  auto& device = doors_->device;
  const auto has_ours = [&](const auto& links) { return std::ranges::find(links, device.index_here()) != links.end(); };
  const bool seen = has_ours(change.links_up) || has_ours(change.links_down) || change.overrun;
  if (!seen || host_->interface_is_away() || is_set_up_by_wg()) return;
  const auto before = device.name();
  const auto now = device.name_in_kernel();
  if (now.empty() || now == before) return;
  device.set_name(now);
  host_->interface_renamed(now);
  open_wg_socket();
  // Back to the name of the file is nothing to tell of.
  if (now != config_.interface.name) return link_->upkeep().interface_renamed(before, now);
  ground_.log.info("the interface {} has its name again", now);
}

/// A new one of the name is what the link is meant for; its interface cannot go there, and nobody else can reach the
/// old one, whose last hold may be our own descriptor.
void Daemon::namespace_renamed(net::NetworkNamespace::Standing standing) {
  if (host_->interface_is_away()) return;
  if (standing == net::NetworkNamespace::Standing::another) {
    give_up(
        {fmt::format("the network namespace {} (interface.netns) was made anew, and this link's interface is in the "
                     "old one: the next start makes it in the new one",
                     config_.interface.netns)});
  } else if (standing == net::NetworkNamespace::Standing::gone) {
    ground_.log.warn("{}", namespace_problem());
  }
}

std::string Daemon::namespace_problem() const {
  if (!network_ || network_->standing() != net::NetworkNamespace::Standing::gone || host_->interface_is_away())
    return {};
  return fmt::format(
      "the network namespace {0} (interface.netns) is gone, and this link's interface with it, but for "
      "programs that are still in there: the link begins anew when there is one of that name",
      config_.interface.netns);
}

/// Others give the interface its MTU, as wg-quick does.
void Daemon::follow_interface() {
  if (const auto mtu = host_->accept_mtu(); mtu && mtu != config_.interface.mtu) {
    config_.interface.mtu = mtu;
    link_->set_mtu(*mtu);
    ground_.log.debug("MTU is {} now", *mtu);
  }
}

void Daemon::set_forwarding() {
  std::vector<Family> families;
  for (const auto& address : config_.interface.addresses) {
    if (config_.interface.forward && std::ranges::find(families, address.family()) == families.end()) {
      families.push_back(address.family());
    }
  }
  beside_.forwarding.set(families);
}

/// As wg-quick has it: where everything goes into the tunnel, and its addresses are worth a neighbour's trouble.
void Daemon::raise_shield() {
  auto& shield = beside_.shield;
  if (!host::is_full_tunnel(config_)) {
    host_->set_shielded(false);
    return shield.lower();
  }
  host::ShieldOptions options{.link = config_.name,
                              .number = config_.number,
                              .interface = doors_->device.index(),
                              .addresses = {},
                              .port = doors_->sockets.port(),
                              .mark = host_->mark()};
  for (const auto& network : config_.interface.addresses) options.addresses.push_back(network.address);
  if (const auto done = shield.raise(options); !done) ground_.log.warn("{}", done.error().message);
  host_->set_shielded(shield.is_up());
}

std::optional<host::InterfacePast> Daemon::interface_past(const Inheritance& inheritance) const {
  if (run_.goes_on) return host::InterfacePast{inheritance.facts()->link, inheritance.facts()->bridge};
  const auto& device = doors_->device;
  auto netlink = device.is_away() ? std::nullopt : std::optional(device.open_netlink());
  if (!netlink || !*netlink) return std::nullopt;
  auto found = net::get_link(**netlink, device.index());
  return found ? beside_.port.past_of(device.index(), std::move(*found)) : std::nullopt;
}

/// One that goes with this run needs no note.
void Daemon::note_port() {
  if (config_.interface.persist && !host_->interface_is_away()) {
    beside_.port.write(doors_->device.index(), host_->interface_past());
  } else {
    beside_.port.remove();
  }
}

}  // namespace adit::app
