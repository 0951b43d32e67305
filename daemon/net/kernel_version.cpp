// SPDX-License-Identifier: MIT
#include "net/kernel_version.h"

#include <fmt/core.h>
#include <sys/utsname.h>

#include <charconv>
#include <utility>

namespace adit::net {
namespace {

/// Debian 12's.
constexpr std::pair kOldestTested{6, 1};

}  // namespace

std::optional<std::string> doubt_about_kernel(std::string_view release) {
  std::pair<int, int> version;
  const auto* const end = release.end();
  const auto [dot, error] = std::from_chars(release.begin(), end, version.first);
  if (error != std::errc() || dot == end || *dot != '.') return std::nullopt;
  if (std::from_chars(dot + 1, end, version.second).ec != std::errc()) return std::nullopt;
  if (version >= kOldestTested) return std::nullopt;
  return fmt::format(
      "this kernel is Linux {}, and Adit is tested on {}.{} and later: what it lacks is done without where that can be "
      "(`adit status` shows the offloads); if the link fails, try a newer kernel before all else",
      release, kOldestTested.first, kOldestTested.second);
}

std::optional<std::string> doubt_about_kernel() {
  utsname system{};
  if (::uname(&system) != 0) return std::nullopt;
  return doubt_about_kernel(static_cast<const char*>(system.release));
}

}  // namespace adit::net
