// SPDX-License-Identifier: MIT
#include "path/ports.h"

#include <algorithm>
#include <cerrno>
#include <ranges>
#include <string_view>
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
  const auto before = datagrams.size();
  const auto share = v4_readable_ && v6_readable_ ? buffers.size() / 2 : buffers.size();
  read(pair_.v4, v4_readable_, buffers.first(share));
  read(pair_.v6, v6_readable_, buffers.last(share));
  if (!interfaces_.empty()) total.count -= leave_out_others(datagrams, before);
  return total;
}

/// Of those from `first` on. Returns how many.
std::size_t UdpPort::leave_out_others(std::vector<Datagram>& datagrams, std::size_t first) {
  const auto came_by_another = [this](Datagram& datagram) {
    auto& path = datagram.path;
    path.remote.scope = path.interface;
    return std::ranges::find(interfaces_, path.interface) == interfaces_.end();
  };
  const auto others = std::ranges::remove_if(
      std::ranges::subrange(datagrams).advance(static_cast<std::ptrdiff_t>(first)), came_by_another);
  const auto count = others.size();
  datagrams.erase(others.begin(), others.end());
  elsewhere_ += count;
  return count;
}

net::SendResult UdpPort::send(const Path& path, std::span<const OutboundDatagram> datagrams) {
  if (is_shut_for(path)) return {.refused = datagrams.size(), .error = EHOSTUNREACH};
  auto* const socket = pair_.of(path.remote.address.family());
  if (socket == nullptr) return {.refused = datagrams.size(), .error = EAFNOSUPPORT};
  return socket->send(path, datagrams);
}

int UdpPort::send_whole(const Path& path, const OutboundDatagram& datagram) {
  if (is_shut_for(path)) return EHOSTUNREACH;
  auto* const socket = pair_.of(path.remote.address.family());
  return socket == nullptr ? EAFNOSUPPORT : socket->send_whole(path, datagram);
}

std::uint64_t UdpPort::mark_of(const IpAddress& address) {
  const auto bytes = address.bytes();
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return std::hash<std::string_view>()(text) | 1;
}

net::LostDatagrams UdpPort::take_lost() {
  net::LostDatagrams all;
  for (auto* const socket : {&pair_.v4, &pair_.v6}) {
    if (!*socket) continue;
    const auto lost = (*socket)->take_lost();
    all.truncated += lost.truncated;
    all.receive_buffer_full += lost.receive_buffer_full;
  }
  all.other_interface = std::exchange(elsewhere_, 0);
  return all;
}

}  // namespace adit::path
