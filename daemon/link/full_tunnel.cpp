// SPDX-License-Identifier: MIT
#include "link/full_tunnel.h"

#include <algorithm>
#include <utility>

namespace adit::link {

void FullTunnel::network_changed(const net::NetworkChange& change, Instant now) {
  // The kernel says nothing of the routes it takes away with an interface.
  const bool others = change.routes || change.addresses || change.overrun || !change.links_up.empty() ||
                      !change.links_down.empty() || !change.links_deleted.empty();
  if (!change.rules && !others) return;
  const auto then = now + (change.rules ? kSettled : kLeisure);
  if (!due_ || then < *due_) due_ = then;
}

void FullTunnel::look(Instant now) {
  if (!due_ || now < *due_) return;
  due_.reset();
  const auto before = std::exchange(bypasses_, host_.find_bypasses());
  for (const auto& sentence : bypasses_) {
    if (std::ranges::find(before, sentence) == before.end()) log_.warn("{}", sentence);
  }
  if (bypasses_.empty() && !before.empty()) log_.info("all that is to go into the tunnel does so again");
}

std::string FullTunnel::in_words() const {
  std::string text;
  for (const auto& sentence : bypasses_) text += (text.empty() ? "" : "; ") + sentence;
  return text;
}

}  // namespace adit::link
