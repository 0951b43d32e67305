// SPDX-License-Identifier: MIT
#include "link/uplink.h"

#include <fmt/core.h>

#include <algorithm>

#include "link/zone.h"
#include "net/device_binding.h"

namespace adit::link {

Result<> Uplink::open(const net::ListenOptions& options, const config::Local& local) {
  doors_.sockets = {};
  auto opened = net::open_udp_when_there(options);
  if (!opened) return std::unexpected(opened.error());
  doors_.sockets = std::move(*opened);
  if (look(local) && waits()) {
    problem_ = fmt::format("this host has no address {} (local.listen): the link waits until it has",
                           to_string(options.address));
  }
  return {};
}

bool Uplink::look(const config::Local& local) {
  if (!local.uplinks.empty()) return look_at_list(local.uplinks);
  doors_.udp_port.keep_to({});
  const auto& device = local.device;
  if (!device && waits()) return true;
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

bool Uplink::look_at_list(const std::vector<std::string>& uplinks) {
  auto there = usable(uplinks);
  if (std::ranges::all_of(there, [](std::uint32_t index) { return index == 0; })) {
    std::string names;
    for (const auto& name : uplinks) names += (names.empty() ? "" : ", ") + name;
    problem_ = fmt::format("none of the interfaces {} (local.device) is up: the link waits until one is", names);
  } else {
    problem_.clear();
  }
  doors_.udp_port.keep_to(std::move(there));
  return waits();
}

std::vector<std::uint32_t> Uplink::usable(const std::vector<std::string>& uplinks) {
  std::vector<std::uint32_t> there;
  for (const auto& name : uplinks) there.push_back(net::running_interface(name));
  return there;
}

std::string Uplink::name_of(const config::Local& local, const Endpoint& remote) {
  if (local.uplinks.empty()) return local.device.value_or("");
  return interface_name(remote.scope);
}

void Uplink::failed(const Error& error) {
  if (problem_ == error.message) return;  // said once: it is tried again and again
  problem_ = error.message;
  log_.warn("{}", problem_);
}

std::uint16_t Uplink::next_port() {
  const auto now = doors_.sockets.port();
  if (first_port_ == 0) first_port_ = now;
  return now == first_port_ ? std::uint16_t{0} : first_port_;
}

}  // namespace adit::link
