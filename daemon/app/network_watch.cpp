// SPDX-License-Identifier: MIT
#include "app/network_watch.h"

#include <algorithm>
#include <utility>

#include "base/or_throw.h"

namespace adit::app {

net::NetworkChange seen_from_here(net::NetworkChange change, std::uint32_t index) {
  for (auto* const links : {&change.links_deleted, &change.links_up, &change.links_down}) {
    const bool ours = std::ranges::find(*links, index) != links->end();
    links->assign(ours ? 1 : 0, net::kElsewhere);
  }
  return change;
}

NetworkWatch::NetworkWatch(net::EventLoop& loop, const net::TunDevice& device,
                           const net::NetlinkMonitor::Changed& changed, Renamed renamed)
    : renamed_(std::move(renamed)), here_(loop, changed) {
  if (!device.netns()) return;
  const auto visit = or_throw(device.netns()->enter());
  there_.emplace(loop, [changed, index = device.index()](const net::NetworkChange& change) {
    changed(seen_from_here(change, index));
  });
  timer_.emplace(loop, [this, &loop, &place = *device.netns()] { look(loop, place); });
  timer_->set(loop.now() + kLookInterval);
}

void NetworkWatch::look(net::EventLoop& loop, const net::NetworkNamespace& place) {
  timer_->set(loop.now() + kLookInterval);
  const auto standing = place.look_up();
  if (std::exchange(standing_, standing) != standing) renamed_(standing);
}

}  // namespace adit::app
