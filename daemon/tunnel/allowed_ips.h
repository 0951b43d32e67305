// SPDX-License-Identifier: MIT
// The set of inner addresses the peer may use (cryptokey routing, paper §2). One peer makes it a plain set: networks
// may overlap, so they are kept as disjoint sorted ranges and a look-up is one binary search.
#pragma once

#include <span>
#include <vector>

#include "base/ip.h"

namespace adit::tunnel {

class AllowedIps {
 public:
  explicit AllowedIps(std::span<const IpNetwork> networks);
  bool contains(const IpAddress& address) const;

 private:
  struct Range {
    IpAddress first;
    IpAddress last;
  };
  std::vector<Range> ranges_;
};

}  // namespace adit::tunnel
