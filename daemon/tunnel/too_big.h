// SPDX-License-Identifier: MIT
// The message a router should have sent: ICMP "fragmentation needed" (RFC 792, RFC 1191) or ICMPv6 "packet too big"
// (RFC 4443 §3.2). About a UDP datagram of ours: given to our own kernel, it is from there on that the kernel knows the
// path's MTU, as it cannot be told otherwise. About a packet on its way into the link: whoever sent it, on this host or
// behind it, sends smaller ones. Where the link carries Ethernet frames, it is no router, but no other will tell a host
// in front of it that its packet is too large for the link.
#pragma once

#include <optional>
#include <vector>

#include "base/ip.h"

namespace adit::tunnel {

struct TooBig {
  IpAddress from;   ///< who says so
  IpAddress to;     ///< one of our host's addresses, of the same family
  Endpoint source;  ///< of the datagram, and of that family, too
  Endpoint destination;
  std::uint32_t mtu = 0;  ///< what would pass
};

/// A whole IP packet.
std::vector<std::uint8_t> write_too_big(const TooBig& message);

/// A whole frame, for whoever sent `frame`, in which an IP packet begins at `ip`: no more than `mtu` bytes of it pass.
/// It comes from the station and the host that the packet was for, as the sender knows these (so does Linux for its own
/// tunnels in bridges). None: nobody is to be told, since that is no single station or host, or the packet an error
/// message itself, or not the first of its fragments (RFC 1122 §3.2.2, RFC 4443 §2.4).
std::optional<std::vector<std::uint8_t>> write_too_big_frame(Bytes frame, std::size_t ip, std::uint32_t mtu);

/// An IPv4 packet of TCP that may not be cut on its way (DF): its sender takes an answer for an order, and sends
/// smaller ones. Others may have no smaller ones (QUIC needs 1,200 bytes of payload), and are better off in fragments.
bool is_whole_tcp4(Bytes packet);
/// The answer to such a packet, a sound one, of which `mtu` bytes would pass: a whole IP packet. It comes from where
/// the packet was to go, since that is an address which this host expects behind the link, whatever its filters. None:
/// as for a frame.
std::optional<std::vector<std::uint8_t>> answer_too_big(Bytes packet, std::uint32_t mtu);

}  // namespace adit::tunnel
