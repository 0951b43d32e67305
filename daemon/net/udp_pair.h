// SPDX-License-Identifier: MIT
// `local.listen` as sockets: one of each family on the same port, as far as the host has both.
#pragma once

#include <expected>
#include <optional>
#include <string>

#include "base/result.h"
#include "net/udp_socket.h"

namespace adit::net {

struct ListenOptions {
  IpAddress address;       ///< none: all of both families; else one socket of its family
  std::uint16_t port = 0;  ///< 0: any, the same for both families
  std::optional<std::string> device;
  std::optional<std::uint32_t> fwmark;
  bool offload = true;
  std::optional<std::uint32_t> receive_buffer;  ///< as UdpOptions
  std::optional<std::uint32_t> send_buffer;
};

/// Of all the sockets there are.
struct UdpOffloads {
  bool can_send = false;  ///< UDP_SEGMENT was to be had
  bool sends = false;     ///< and is in use
  bool receives = false;  ///< UDP_GRO is in use
};

struct UdpPair {
  std::optional<UdpSocket> v4;
  std::optional<UdpSocket> v6;

  /// The family's socket, or none.
  UdpSocket* of(Family family);
  std::uint16_t port() const;
  UdpOffloads offloads() const;
  void try_segmentation_again();
  /// UdpSocket::set_mark of both.
  bool set_mark(std::uint32_t mark);
};

/// Of an earlier run; either may be missing. Fails for one that is bound elsewhere than `options` say; what else they
/// say is set.
Result<UdpPair> adopt_udp(FileDescriptor v4, FileDescriptor v6, const ListenOptions& options);

/// At least one of the two is there on success. The error is a sentence.
Result<UdpPair> open_udp(const ListenOptions& options);
/// Likewise, for who wants to know what kind of failure it is.
std::expected<UdpPair, UdpOpenError> try_open_udp(const ListenOptions& options);

}  // namespace adit::net
