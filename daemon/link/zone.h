// SPDX-License-Identifier: MIT
// The interface that a link-local address of the peer's is meant on (RFC 4007 §11). Sockets know it by its number,
// people by its name: made anew, as PPP and VLAN interfaces are, it has the same name and another number.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/ip.h"

namespace adit::link {

/// Empty: there is none of that number.
std::string interface_name(std::uint32_t index);

class Zone {
 public:
  /// The peer is there: keeps the name of the interface. Cheap while that is the same.
  void note(const Endpoint& remote);
  /// The peer's endpoint now that its interface has another number; none: it is where it was, or nowhere.
  std::optional<Endpoint> moved(const Endpoint& remote) const;

 private:
  std::uint32_t index_ = 0;
  std::string name_;
};

}  // namespace adit::link
