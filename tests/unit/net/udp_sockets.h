// SPDX-License-Identifier: MIT
// Sockets for tests, and what is sent between them. UdpSocketOf: a test of both families, over loopback.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <initializer_list>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "net/udp_socket.h"

namespace adit::net::test {

using testing::AllOf;
using testing::HasSubstr;

inline IpAddress address(const char* text) {
  return IpAddress::parse(text).value();
}

inline UdpSocket open(const UdpOptions& options) {
  auto socket = UdpSocket::open(options);
  if (!socket) throw std::runtime_error(socket.error().message);
  return std::move(*socket);
}

inline Path path_to(const char* remote, std::uint16_t port) {
  return {.remote = {address(remote), port}, .local = {}};
}

inline std::vector<OutboundDatagram> to_send(std::initializer_list<Bytes> each) {
  std::vector<OutboundDatagram> datagrams;
  for (const auto bytes : each) datagrams.push_back({bytes});
  return datagrams;
}

inline SendResult send(UdpSocket& socket, const Path& path, std::string_view text) {
  const OutboundDatagram datagram{as_bytes(text)};
  return socket.send(path, {&datagram, 1});
}

/// Buffers for a batch, handed in whole each time.
class Inbox {
 public:
  explicit Inbox(std::size_t count = 4, std::size_t size = kMaxDatagram)
      : storage_(count, std::vector<std::uint8_t>(size)) {}

  /// Waits for something to be there, then receives once.
  IoResult receive(UdpSocket& socket) {
    pollfd ready{.fd = socket.fd(), .events = POLLIN, .revents = 0};
    EXPECT_EQ(poll(&ready, 1, 5000), 1);
    return receive_now(socket);
  }
  IoResult receive_now(UdpSocket& socket) {
    datagrams.clear();
    const std::vector<MutableBytes> buffers(storage_.begin(), storage_.end());
    return socket.receive(buffers, datagrams);
  }
  std::string text(std::size_t i) const {
    return {reinterpret_cast<const char*>(datagrams[i].bytes.data()), datagrams[i].bytes.size()};
  }

  std::vector<Datagram> datagrams;

 private:
  std::vector<std::vector<std::uint8_t>> storage_;
};

class UdpSocketOf : public testing::TestWithParam<const char*> {
 protected:
  const char* loopback() const { return GetParam(); }
  Family family() const { return address(loopback()).family(); }
};

}  // namespace adit::net::test
