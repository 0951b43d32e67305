// SPDX-License-Identifier: MIT
// Why packets and datagrams are dropped: each has one named reason and is counted once. The names are what
// `adit status` shows under `drops`.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace adit::tunnel {

enum class DropReason : std::uint8_t {
  // Outbound: packets from the TUN.
  malformed_packet,        ///< no IP packet, or shorter than it claims (also from the peer, after decryption)
  disallowed_destination,  ///< the destination is not in peer.allowed_ips
  no_session_queue_full,   ///< too many packets wait for a handshake; the oldest went
  no_session_timeout,      ///< waited for a handshake that did not come about
  send_failed,             ///< the kernel refused the datagram
  looped,                  ///< a datagram of ours: a route leads the peer's address into the tunnel
  packet_too_large,        ///< an IPv4 packet that may not be cut (DF), and that the way has no room for in one piece
  frame_too_large,         ///< an Ethernet frame that is larger than the interface's MTU
  storm_limit,             ///< an Ethernet frame to all or to many, beyond tuning.storm_limit
  // Inbound: datagrams of no session.
  malformed,            ///< type, reserved bytes or size are not those of any message
  bad_mac1,             ///< a handshake message by someone who does not know our public key
  bad_cookie,           ///< a cookie reply that answers nothing we sent
  cookie_required,      ///< under load: a cookie reply was sent instead of an answer
  rate_limited,         ///< under load: too many handshakes from one address; or initiations too fast
  invalid_handshake,    ///< does not decrypt: a forgery, or made for other keys
  wrong_key,            ///< a sound initiation by another key than the peer's
  old_timestamp,        ///< an initiation not later than the last one: replayed, or the peer's clock went back
  unverified_response,  ///< answers our initiation but does not verify: other preshared key, or a forgery
  // Inbound: datagrams that name a session.
  unknown_index,      ///< no session of ours has this index (any more)
  expired,            ///< of a session too old, or with a counter too high
  forged,             ///< does not decrypt
  replayed,           ///< its counter was received before, or is too old to tell
  disallowed_source,  ///< the inner source address is not in peer.allowed_ips
  own_source,         ///< the inner source address is one of our own (interface.addresses)
  not_ethernet,       ///< where frames are carried: no GRE packet with one in it, between the link's two addresses
  gre_fragment,       ///< likewise a part of one that contradicts others, or came twice
  gre_incomplete,     ///< likewise a part of one whose other parts did not come in time
  congestion,         ///< marked by a router on the path, and its sender does not know ECN (RFC 6040)
  // The shell's.
  interface_queue_full,  ///< the interface had no room for the packet; counted by the kernel, see host::HostSetup
  receive_buffer_full,   ///< the UDP socket had no room for the datagram
  other_interface,       ///< came by an interface that is none of local.device
  truncated,             ///< a datagram larger than any we take
  deliver_failed,        ///< the TUN refused the packet
};
inline constexpr std::size_t kDropReasons = static_cast<std::size_t>(DropReason::deliver_failed) + 1;

std::string_view name_of(DropReason reason);

class DropCounters {
 public:
  void add(DropReason reason, std::uint64_t count = 1) { counts_[static_cast<std::size_t>(reason)] += count; }
  std::uint64_t operator[](DropReason reason) const { return counts_[static_cast<std::size_t>(reason)]; }

 private:
  std::array<std::uint64_t, kDropReasons> counts_{};
};

}  // namespace adit::tunnel
