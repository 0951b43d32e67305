// SPDX-License-Identifier: MIT
#include "net/device_binding.h"

#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>

namespace adit::net {
namespace {

/// The name that the interface has now; empty: it is gone, or there is none.
std::string bound_to(const UdpSocket& socket) {
  std::array<char, IF_NAMESIZE> name{};
  socklen_t size = name.size();
  if (getsockopt(socket.fd(), SOL_SOCKET, SO_BINDTODEVICE, name.data(), &size) != 0 || size == 0) return {};
  name.back() = '\0';
  return name.data();
}

}  // namespace

bool interface_exists(const std::string& name) {
  return if_nametoindex(name.c_str()) != 0;
}

std::uint32_t running_interface(const std::string& name) {
  const FileDescriptor fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  name.copy(request.ifr_name, sizeof request.ifr_name - 1);
  if (!fd || ::ioctl(fd.get(), SIOCGIFFLAGS, &request) != 0) return 0;
  const bool running = (request.ifr_flags & IFF_UP) != 0 && (request.ifr_flags & IFF_RUNNING) != 0;
  return running ? if_nametoindex(name.c_str()) : 0;
}

Result<UdpPair> open_udp_when_there(const ListenOptions& options) {
  if (options.device && !interface_exists(*options.device)) return UdpPair();
  auto opened = try_open_udp(options);
  if (!opened && opened.error().kind == UdpOpenError::Kind::address_missing) return UdpPair();
  if (!opened) return fail("{}", opened.error().message);
  return std::move(*opened);
}

Binding binding_of(const UdpPair& sockets, const std::string& device) {
  auto worst = Binding::none;
  for (const auto* socket : {&sockets.v4, &sockets.v6}) {
    if (!*socket) continue;
    const auto name = bound_to(**socket);
    const auto binding = name == device ? Binding::bound : name.empty() ? Binding::lost : Binding::renamed;
    worst = std::max(worst, binding);
  }
  return worst;
}

}  // namespace adit::net
