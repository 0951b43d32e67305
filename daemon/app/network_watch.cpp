// SPDX-License-Identifier: MIT
#include "app/network_watch.h"

#include <algorithm>

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
                           const net::NetlinkMonitor::Changed& changed)
    : here_(loop, changed) {
  if (!device.netns()) return;
  const auto visit = or_throw(device.netns()->enter());
  there_.emplace(loop, [changed, index = device.index()](const net::NetworkChange& change) {
    changed(seen_from_here(change, index));
  });
}

}  // namespace adit::app
