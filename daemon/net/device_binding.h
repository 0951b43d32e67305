// SPDX-License-Identifier: MIT
// Sockets that keep to one interface, which may come and go. SO_BINDTODEVICE takes a name and keeps a number: when that
// interface is deleted, and another of the name is made, the socket stays bound to what no longer is. It cannot be
// bound again without CAP_NET_RAW, so sockets are opened anew.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "net/udp_pair.h"

namespace adit::net {

bool interface_exists(const std::string& name);
/// Its number, if it is up and has a carrier; else 0.
std::uint32_t running_interface(const std::string& name);

/// As open_udp; no sockets at all, and no error, while options.device is not there, or this host has no
/// options.address: none that may use another way.
Result<UdpPair> open_udp_when_there(const ListenOptions& options);

enum class Binding : std::uint8_t {
  none,     ///< there are no sockets
  bound,    ///< to the interface of that name
  renamed,  ///< to one that is there, under another name
  lost,     ///< to one that is gone
};
Binding binding_of(const UdpPair& sockets, const std::string& device);

}  // namespace adit::net
