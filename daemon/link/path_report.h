// SPDX-License-Identifier: MIT
// What is known of the size of packets that the way to the peer carries, for whoever tells of it.
#pragma once

#include <cstdint>
#include <string_view>

namespace adit::link {

enum class PathProbe : std::uint8_t {
  off,         ///< tuning.path_probe, or the MTU is a number
  no_address,  ///< the peer's address in the tunnel is not known
  searching,
  working,     ///< the size is known to pass
  unanswered,  ///< the peer answers no question: the route is believed
};
/// The word scripts read.
std::string_view name_of(PathProbe probe);

struct PathReport {
  PathProbe probe = PathProbe::off;
  std::uint32_t size = 0;  ///< of inner packets that pass in one piece, as far as it is known; 0: there is no way
};

}  // namespace adit::link
