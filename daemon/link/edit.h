// SPDX-License-Identifier: MIT
// What differs between the configuration of a running link and another one, and what that concerns. Pure comparison;
// carrying it out is the reload's (app/reload.h).
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "config/difference.h"
#include "tunnel/tunnel.h"

namespace adit::link {

struct Edit {
  std::vector<config::Change> changes;
  bool our_key = false;
  bool preshared_key = false;
  bool mark = false;  ///< of our datagrams, which a default route brings along

  bool has(std::initializer_list<std::string_view> keys) const;
  /// Another end of the link: no session survives that.
  bool identity() const { return our_key || has({"peer.public_key"}); }
  bool sockets() const;
  /// Keys of the file whose values change.
  std::vector<std::string> keys() const;
};

/// `tunnel`: has the keys of `now`. `next` holds its own still.
Edit edit_between(const config::Config& now, const tunnel::Tunnel& tunnel, const config::Config& next);

/// A sentence for each change, for people.
std::vector<std::string> describe(const Edit& edit);

}  // namespace adit::link
