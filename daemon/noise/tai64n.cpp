// SPDX-License-Identifier: MIT
#include "noise/tai64n.h"

#include <algorithm>

namespace adit::noise {
namespace {

/// TAI64 label of 1970-01-01 00:00:00 TAI plus the ten seconds TAI was then ahead of UTC, as every peer counts it.
constexpr std::uint64_t kEpoch = (std::uint64_t{1} << 62) + 10;
constexpr std::int64_t kNanosecondsPerSecond = 1'000'000'000;

/// On the label itself: the last one comes from a file, and may be beyond all time a Duration can hold.
Tai64n step_after(const Tai64n& last) {
  auto seconds = load_be64(last.bytes.data());
  auto nanoseconds = load_be32(last.bytes.data() + 8) / kWhitening.count() * kWhitening.count() + kWhitening.count();
  if (nanoseconds >= kNanosecondsPerSecond) {
    seconds += 1;
    nanoseconds = 0;
  }
  Tai64n stamp;
  store_be64(stamp.bytes.data(), seconds);
  store_be32(stamp.bytes.data() + 8, static_cast<std::uint32_t>(nanoseconds));
  return stamp;
}

}  // namespace

Tai64n Tai64n::from(WallTime time) {
  // A clock before 1970 is a clock that was never set; the monotonic source above copes with standing still.
  const auto since_epoch = std::max<std::int64_t>(time.since_epoch.count(), 0);
  const auto nanoseconds = since_epoch % kNanosecondsPerSecond;
  Tai64n stamp;
  store_be64(stamp.bytes.data(), kEpoch + static_cast<std::uint64_t>(since_epoch / kNanosecondsPerSecond));
  store_be32(stamp.bytes.data() + 8, static_cast<std::uint32_t>(nanoseconds - nanoseconds % kWhitening.count()));
  return stamp;
}

WallTime Tai64n::to_wall_time() const {
  // Five seconds are room for any 32 bits of nanoseconds.
  constexpr auto kLast = std::chrono::floor<std::chrono::seconds>(Duration::max()) - std::chrono::seconds(5);
  const auto label = load_be64(bytes.data());
  const auto seconds = std::min<std::uint64_t>(label - std::min(label, kEpoch), kLast.count());
  return {std::chrono::seconds(seconds) + std::chrono::nanoseconds(load_be32(bytes.data() + 8))};
}

Tai64n Tai64n::later_by(std::chrono::seconds time) const {
  const auto label = load_be64(bytes.data());
  auto later = *this;
  store_be64(later.bytes.data(), label + std::min<std::uint64_t>(~label, static_cast<std::uint64_t>(time.count())));
  return later;
}

Tai64n TimestampSource::next(WallTime now) {
  const auto stamp = Tai64n::from(now);
  last_ = stamp > last_ ? stamp : step_after(last_);
  return last_;
}

}  // namespace adit::noise
