// SPDX-License-Identifier: MIT
#include "link/uplink.h"

#include <fmt/core.h>

#include "net/device_binding.h"

namespace adit::link {

Result<> Uplink::open(const net::ListenOptions& options) {
  doors_.sockets = {};
  auto opened = net::open_udp_when_there(options);
  if (!opened) return std::unexpected(opened.error());
  doors_.sockets = std::move(*opened);
  look(options.device);
  return {};
}

bool Uplink::look(const std::optional<std::string>& device) {
  const auto binding = device ? net::binding_of(doors_.sockets, *device) : net::Binding::bound;
  if (binding == net::Binding::bound) {
    problem_.clear();
    return false;
  }
  if (net::interface_exists(*device)) return true;
  // One that is called otherwise now still carries the packets, as it does for any other program.
  if (binding == net::Binding::renamed) {
    problem_.clear();
  } else {
    problem_ = fmt::format("there is no interface {} (local.device): the link waits until there is one", *device);
  }
  return false;
}

void Uplink::failed(const Error& error) {
  if (problem_ == error.message) return;  // said once: it is tried again and again
  problem_ = error.message;
  log_.warn("{}", problem_);
}

}  // namespace adit::link
