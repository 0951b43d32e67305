// SPDX-License-Identifier: MIT
#include "tunnel/staging.h"

#include <utility>

namespace adit::tunnel {

std::size_t Staging::push(Bytes packet, Instant now) {
  bytes_ += packet.size();
  packets_.push_back({{packet.begin(), packet.end()}, now});
  std::size_t dropped = 0;
  // The oldest goes first: the newest is the one its sender still waits for. A lone packet always stays.
  while (packets_.size() > kMaxPackets || (bytes_ > kMaxBytes && packets_.size() > 1)) {
    pop();
    ++dropped;
  }
  return dropped;
}

std::size_t Staging::expire(Instant now) {
  std::size_t dropped = 0;
  for (; !packets_.empty() && now - packets_.front().staged > kMaxAge; ++dropped) pop();
  return dropped;
}

std::vector<std::uint8_t> Staging::pop() {
  auto bytes = std::move(packets_.front().bytes);
  packets_.pop_front();
  bytes_ -= bytes.size();
  return bytes;
}

std::size_t Staging::clear() {
  bytes_ = 0;
  return std::exchange(packets_, {}).size();
}

}  // namespace adit::tunnel
