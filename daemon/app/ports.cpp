// SPDX-License-Identifier: MIT
#include "app/ports.h"

#include <cerrno>
#include <utility>

namespace adit::app {

net::IoResult UdpPort::receive(std::span<Datagram> into) {
  net::IoResult total;
  const auto read = [&](std::optional<net::UdpSocket>& socket, bool& readable) {
    if (!std::exchange(readable, false) || !socket || total.count == into.size()) return;
    const auto result = socket->receive(into.subspan(total.count));
    total.count += result.count;
    if (result.error != 0) total.error = result.error;
  };
  v6_first_ = !v6_first_;
  if (v6_first_) read(pair_.v6, v6_readable_);
  read(pair_.v4, v4_readable_);
  read(pair_.v6, v6_readable_);
  return total;
}

net::SendResult UdpPort::send(const Path& path, std::span<const Bytes> datagrams) {
  auto* const socket = pair_.of(path.remote.address.family());
  if (socket == nullptr) return {.refused = datagrams.size(), .error = EAFNOSUPPORT};
  return socket->send(path, datagrams);
}

std::uint64_t UdpPort::truncated() const {
  return (pair_.v4 ? pair_.v4->truncated() : 0) + (pair_.v6 ? pair_.v6->truncated() : 0);
}

}  // namespace adit::app
