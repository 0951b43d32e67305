// SPDX-License-Identifier: MIT
#include "tunnel/under_load.h"

#include <algorithm>

namespace adit::tunnel {
namespace {

constexpr std::uint8_t kIpv6SourcePrefix = 64;

}  // namespace

void LoadMeter::note(Instant now) {
  if (now - window_ >= kHold) {
    window_ = now;
    in_window_ = 0;
  }
  if (++in_window_ > kPerSecond) until_ = now + kHold;
}

bool RateLimiter::allow(const IpAddress& source, Instant now) {
  const auto key = source.is_v6() ? IpNetwork{source, kIpv6SourcePrefix}.network().address : source;
  auto entry = full_at_.find(key);
  if (entry == full_at_.end()) {
    if (full_at_.size() >= kMaxSources) std::erase_if(full_at_, [now](const auto& item) { return item.second <= now; });
    if (full_at_.size() >= kMaxSources) return false;
    entry = full_at_.emplace(key, now).first;
  }
  const auto full = std::max(entry->second, now) + kCost;
  if (full - now > kBurst) return false;
  entry->second = full;
  return true;
}

bool Reserve::allow(Instant now) {
  const auto full = std::max(full_at_, now) + kCost;
  if (full - now > kBurst) return false;
  full_at_ = full;
  return true;
}

}  // namespace adit::tunnel
