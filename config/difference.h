// SPDX-License-Identifier: MIT
// What an edit of a file comes to: the keys whose values are no longer the same. A value that is only spelled in
// another way, or written out where it was the default, is the same.
#pragma once

#include <string>
#include <vector>

#include "config/config.h"

namespace adit::config {

struct Change {
  std::string key;     ///< "peer.keepalive", "routes"
  std::string before;  ///< as the file would have it; empty: the default
  std::string after;
};

/// "peer.keepalive: 25s, was the default"
std::string to_string(const Change& change);

/// Not local.private_key and peer.preshared_key: whoever runs a link has handed those on, and must compare by itself.
std::vector<Change> difference(const Config& before, const Config& after);

}  // namespace adit::config
