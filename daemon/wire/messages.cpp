// SPDX-License-Identifier: MIT
#include "wire/messages.h"

namespace adit::wire {

void write_transport_header(const TransportHeader& header, std::span<std::uint8_t, kTransportHeaderSize> out) {
  const auto prefix = prefix_of(MessageType::transport_data);
  std::memcpy(out.data(), prefix.data(), prefix.size());
  store_le32(out.data() + 4, header.receiver);
  store_le64(out.data() + 8, header.counter);
}

TransportHeader read_transport_header(Bytes datagram) {
  return {.receiver = load_le32(datagram.data() + 4), .counter = load_le64(datagram.data() + 8)};
}

std::optional<MessageType> classify(Bytes datagram) {
  // Type and reserved bytes are compared as one little-endian word, so stray reserved bits are refused with it.
  if (datagram.size() < sizeof(Prefix)) return std::nullopt;
  const auto size = datagram.size();
  switch (load_le32(datagram.data())) {
    case static_cast<std::uint32_t>(MessageType::handshake_initiation):
      if (size == sizeof(HandshakeInitiation)) return MessageType::handshake_initiation;
      break;
    case static_cast<std::uint32_t>(MessageType::handshake_response):
      if (size == sizeof(HandshakeResponse)) return MessageType::handshake_response;
      break;
    case static_cast<std::uint32_t>(MessageType::cookie_reply):
      if (size == sizeof(CookieReply)) return MessageType::cookie_reply;
      break;
    case static_cast<std::uint32_t>(MessageType::transport_data):
      if (size >= kTransportOverhead) return MessageType::transport_data;
      break;
    default:
      break;
  }
  return std::nullopt;
}

}  // namespace adit::wire
