// SPDX-License-Identifier: MIT
#include "path/ports.h"

#include <cerrno>
#include <utility>

namespace adit::path {

net::IoResult UdpPort::receive(std::span<const MutableBytes> buffers, std::vector<Datagram>& datagrams) {
  net::IoResult total;
  const auto read = [&](std::optional<net::UdpSocket>& socket, bool& readable, std::span<const MutableBytes> into) {
    if (!std::exchange(readable, false) || !socket) return;
    const auto result = socket->receive(into, datagrams);
    total.count += result.count;
    if (result.error != 0) total.error = result.error;
  };
  // Where both have something each gets its half, so that neither family can shut out the other.
  const auto share = v4_readable_ && v6_readable_ ? buffers.size() / 2 : buffers.size();
  read(pair_.v4, v4_readable_, buffers.first(share));
  read(pair_.v6, v6_readable_, buffers.last(share));
  return total;
}

net::SendResult UdpPort::send(const Path& path, std::span<const OutboundDatagram> datagrams) {
  if (shut_) return {.refused = datagrams.size(), .error = EHOSTUNREACH};
  auto* const socket = pair_.of(path.remote.address.family());
  if (socket == nullptr) return {.refused = datagrams.size(), .error = EAFNOSUPPORT};
  return socket->send(path, datagrams);
}

net::LostDatagrams UdpPort::take_lost() {
  net::LostDatagrams all;
  for (auto* const socket : {&pair_.v4, &pair_.v6}) {
    if (!*socket) continue;
    const auto lost = (*socket)->take_lost();
    all.truncated += lost.truncated;
    all.receive_buffer_full += lost.receive_buffer_full;
  }
  return all;
}

}  // namespace adit::path
