// SPDX-License-Identifier: MIT
#include "base/descriptor_limit.h"

#include <sys/resource.h>

#include <algorithm>
#include <atomic>

namespace adit {
namespace {

/// Nobody needs more, and some systems allow a thousand million.
constexpr rlim_t kMost = 65'536;

/// 0: it was not raised.
std::atomic<rlim_t> usual{0};

}  // namespace

bool raise_descriptor_limit() {
  rlimit limit{};
  if (usual != 0 || ::getrlimit(RLIMIT_NOFILE, &limit) != 0) return false;
  const auto before = limit.rlim_cur;
  limit.rlim_cur = std::min(limit.rlim_max, kMost);
  if (limit.rlim_cur <= before || ::setrlimit(RLIMIT_NOFILE, &limit) != 0) return false;
  usual = before;
  return true;
}

bool restore_descriptor_limit() {
  const auto before = usual.exchange(0);
  rlimit limit{};
  if (before == 0 || ::getrlimit(RLIMIT_NOFILE, &limit) != 0) return false;
  limit.rlim_cur = std::min(before, limit.rlim_max);
  return ::setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

}  // namespace adit
