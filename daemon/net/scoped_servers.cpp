// SPDX-License-Identifier: MIT
#include "net/scoped_servers.h"

#include <net/if.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>

#include "net/sockaddr.h"

namespace adit::net {
namespace {

#if ARES_VERSION < 0x011800

using Scopes = std::map<IpAddress, std::uint32_t>;

int connect_scoped(ares_socket_t fd, const sockaddr* address, ares_socklen_t size, void* scopes) {
  auto endpoint = from_sockaddr(address, size);
  if (!endpoint) return ::connect(fd, address, size);
  const auto& known = *static_cast<const Scopes*>(scopes);
  if (const auto found = known.find(endpoint->address); found != known.end()) endpoint->scope = found->second;
  const auto scoped = to_sockaddr(*endpoint);
  return ::connect(fd, scoped.get(), scoped.size);
}

/// c-ares takes all of them or none. The others do what it does itself.
const ares_socket_functions kFunctions{
    .asocket = [](int domain, int type, int protocol,
                  void*) { return ::socket(domain, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol); },
    .aclose = [](ares_socket_t fd, void*) { return ::close(fd); },
    .aconnect = connect_scoped,
    .arecvfrom = [](ares_socket_t fd, void* buffer, std::size_t size, int flags, sockaddr* from, ares_socklen_t* length,
                    void*) -> ares_ssize_t { return ::recvfrom(fd, buffer, size, flags, from, length); },
    .asendv = [](ares_socket_t fd, const iovec* parts, int count, void*) -> ares_ssize_t {
      return ::writev(fd, parts, count);
    },
};

#endif

}  // namespace

int ScopedServers::set(ares_channel channel, std::string_view list) {
  std::string servers(list);
#if ARES_VERSION < 0x011800
  if (list.find('%') != std::string_view::npos) {
    servers = without_scopes(list);
    ares_set_socket_functions(channel, &kFunctions, &scopes_);
  }
#endif
  return servers.empty() ? ARES_SUCCESS : ares_set_servers_ports_csv(channel, servers.c_str());
}

std::string ScopedServers::without_scopes(std::string_view list) {
  std::string servers;
  while (!list.empty()) {
    const auto server = list.substr(0, list.find(','));
    list.remove_prefix(std::min(list.size(), server.size() + 1));
    const auto percent = server.find('%');
    if (percent != std::string_view::npos) {
      const auto address = IpAddress::parse(server.substr(0, percent));
      const auto scope = if_nametoindex(std::string(server.substr(percent + 1)).c_str());
      if (!address || scope == 0) continue;
      scopes_.insert_or_assign(*address, scope);
    }
    if (!servers.empty()) servers += ',';
    servers += server.substr(0, percent);
  }
  return servers;
}

}  // namespace adit::net
