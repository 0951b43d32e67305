// SPDX-License-Identifier: MIT
#include "link/full_tunnel.h"

#include <algorithm>
#include <iterator>
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
  auto [found, all] = host_.find_bypasses();
  const auto before = std::exchange(bypasses_, {});
  const auto is_among = [](const auto& sentences, const auto& one) { return std::ranges::count(sentences, one) != 0; };
  for (const auto& sentence : found) {
    if (!is_among(before, sentence)) log_.warn("{}", sentence);
  }
  if (!all) {
    // What was found before is so until it is known to be otherwise.
    std::ranges::copy_if(before, std::back_inserter(found), [&](const auto& each) { return !is_among(found, each); });
    due_ = now + kLeisure;
  } else if (found.empty() && !before.empty()) {
    log_.info("all that is to go into the tunnel does so again");
  }
  bypasses_ = std::move(found);
}

std::string FullTunnel::in_words() const {
  std::string text;
  for (const auto& sentence : bypasses_) text += (text.empty() ? "" : "; ") + sentence;
  return text;
}

}  // namespace adit::link
