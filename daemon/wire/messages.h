// SPDX-License-Identifier: MIT
// The whole wire format (paper §5.4): four messages, little-endian, nothing aligned. A message is a view with named
// fields over bytes somebody else owns; what the fields mean is for noise/ and tunnel/.
//
// "Sender" and "receiver" in the paper change sides with each message. Here a field's name says whose index it is:
// `sender` was chosen by whoever sent this very message, `receiver` by whoever gets it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/bytes.h"

namespace adit::wire {

enum class MessageType : std::uint8_t {
  handshake_initiation = 1,  ///< §5.4.2
  handshake_response = 2,    ///< §5.4.3
  cookie_reply = 3,          ///< §5.4.7
  transport_data = 4,        ///< §5.4.6
};

inline constexpr std::size_t kTagSize = 16;

/// An index as it stands on the wire: four opaque bytes, read and written little-endian.
struct WireIndex {
  std::array<std::uint8_t, 4> bytes{};
  std::uint32_t get() const { return load_le32(bytes.data()); }
  void set(std::uint32_t value) { store_le32(bytes.data(), value); }
};

/// The type and three reserved zero bytes.
using Prefix = std::array<std::uint8_t, 4>;
constexpr Prefix prefix_of(MessageType type) {
  return {static_cast<std::uint8_t>(type), 0, 0, 0};
}

struct Macs {
  std::array<std::uint8_t, 16> mac1{};
  std::array<std::uint8_t, 16> mac2{};
};

struct HandshakeInitiation {
  Prefix prefix = prefix_of(MessageType::handshake_initiation);
  WireIndex sender;
  std::array<std::uint8_t, 32> ephemeral{};
  std::array<std::uint8_t, 32 + kTagSize> static_key{};
  std::array<std::uint8_t, 12 + kTagSize> timestamp{};
  Macs macs;
};

struct HandshakeResponse {
  Prefix prefix = prefix_of(MessageType::handshake_response);
  WireIndex sender;
  WireIndex receiver;
  std::array<std::uint8_t, 32> ephemeral{};
  std::array<std::uint8_t, kTagSize> empty{};
  Macs macs;
};

struct CookieReply {
  Prefix prefix = prefix_of(MessageType::cookie_reply);
  WireIndex receiver;
  std::array<std::uint8_t, 24> nonce{};
  std::array<std::uint8_t, 16 + kTagSize> cookie{};
};

static_assert(sizeof(HandshakeInitiation) == 148 && alignof(HandshakeInitiation) == 1);
static_assert(sizeof(HandshakeResponse) == 92 && alignof(HandshakeResponse) == 1);
static_assert(sizeof(CookieReply) == 64 && alignof(CookieReply) == 1);

template <class Message>
Bytes bytes_of(const Message& message) {
  return {reinterpret_cast<const std::uint8_t*>(&message), sizeof message};
}

/// Bytes before the first MAC: what mac1 covers. mac2 covers these and mac1 (§5.4.4).
template <class Message>
inline constexpr std::size_t kMac1Offset = sizeof(Message) - sizeof(Macs);

inline constexpr std::size_t kTransportHeaderSize = 16;
/// What a packet gains on its way: the header and the tag. A keepalive is exactly this long.
inline constexpr std::size_t kTransportOverhead = kTransportHeaderSize + kTagSize;
/// Plaintext is padded with zeros to a multiple of this (§5.4.6).
inline constexpr std::size_t kPaddingMultiple = 16;
/// Outer headers of a datagram: IP and UDP.
inline constexpr std::size_t kIpv4UdpOverhead = 20 + 8;
inline constexpr std::size_t kIpv6UdpOverhead = 40 + 8;

struct TransportHeader {
  std::uint32_t receiver = 0;
  std::uint64_t counter = 0;
};

/// `out` takes exactly kTransportHeaderSize bytes.
void write_transport_header(const TransportHeader& header, std::span<std::uint8_t, kTransportHeaderSize> out);
/// `datagram` must be one that `classify` found to be transport data.
TransportHeader read_transport_header(Bytes datagram);

/// The type of a datagram whose prefix and size are right for it, else nothing. Transport data is at least
/// kTransportOverhead long; everything else has exactly one size.
std::optional<MessageType> classify(Bytes datagram);

/// A copy of the fixed-size message in `datagram`, which `classify` found to be of that type.
template <class Message>
Message read_message(Bytes datagram) {
  Message message;
  std::memcpy(&message, datagram.data(), sizeof message);
  return message;
}

}  // namespace adit::wire
