// SPDX-License-Identifier: MIT
// A set of subnets that can tell whether together they cover another one. Fast for lists of many thousands.
#pragma once

#include <set>

#include "base/ip.h"

namespace adit::config {

class SubnetSet {
 public:
  /// `network` has no host bits. False if it is in the set already.
  bool add(const IpNetwork& network) { return subnets_.insert(network).second; }

  /// Whether every address of `network` is in one of the subnets, be it in another one each: 0.0.0.0/1 and 128.0.0.0/1
  /// cover 0.0.0.0/0.
  bool covers(const IpNetwork& network) const;

 private:
  bool covers_piecewise(const IpNetwork& network) const;

  std::set<IpNetwork> subnets_;
};

}  // namespace adit::config
