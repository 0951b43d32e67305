// SPDX-License-Identifier: MIT
// What was put back on the host after others took it away, for whoever tells of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace adit::link {

struct PutBack {
  /// There may be thousands of routes, and nobody reads as many lines.
  static constexpr std::size_t kNamed = 16;

  std::uint64_t times = 0;        ///< so far; what follows is of the last
  std::size_t count = 0;          ///< of things
  std::vector<std::string> what;  ///< "the route 192.168.20.0/24", …: the first of them
  std::string by;                 ///< who took them away: "ip (process 4711)"; empty: not known
};

}  // namespace adit::link
