// SPDX-License-Identifier: MIT
#include "packets.h"

#include <algorithm>
#include <array>

namespace adit::offload::test {
namespace {

void put16(Buffer& bytes, std::size_t at, unsigned value) {
  bytes[at] = static_cast<std::uint8_t>(value >> 8);
  bytes[at + 1] = static_cast<std::uint8_t>(value);
}
unsigned get16(const Buffer& bytes, std::size_t at) {
  return bytes[at] * 256u + bytes[at + 1];
}

std::uint16_t checksum_of(Bytes bytes) {
  unsigned sum = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    sum += i % 2 == 0 ? bytes[i] * 256u : bytes[i];
    if (sum > 0xFFFF) sum = sum - 0x10000 + 1;
  }
  return static_cast<std::uint16_t>(0xFFFF - sum);
}

/// With room for the rest.
Buffer ip_header(const Recipe& recipe, std::size_t rest) {
  Buffer header;
  header.reserve(40 + recipe.ip_options + recipe.extensions + rest);
  if (recipe.v4) {
    header.resize(20 + recipe.ip_options, 1);
    header[0] = static_cast<std::uint8_t>(0x40 + header.size() / 4);
    header[1] = recipe.tos;
    put16(header, 2, static_cast<unsigned>(header.size() + rest));
    put16(header, 4, recipe.id);
    put16(header, 6,
          (recipe.dont_fragment ? 0x4000u : 0u) | (recipe.more_fragments ? 0x2000u : 0u) | recipe.fragment_offset);
    header[8] = recipe.ttl;
    header[9] = recipe.tcp ? 6 : 17;
    const std::array<std::uint8_t, 8> usual{10, 0, 0, recipe.host, 10, 9, 8, 7};
    const auto& chosen = recipe.v4_addresses;
    std::ranges::copy(chosen.empty() ? Bytes(usual) : Bytes(chosen), header.begin() + 12);
    put16(header, 10, 0);
    put16(header, 10, slow_checksum(header));
    return header;
  }
  header.resize(40);
  header[0] = static_cast<std::uint8_t>(0x60 | recipe.tos >> 4);
  header[1] = static_cast<std::uint8_t>(recipe.tos << 4);
  put16(header, 4, static_cast<unsigned>(recipe.extensions + rest));
  header[6] = recipe.extensions > 0 ? 60 : recipe.tcp ? 6 : 17;
  header[7] = recipe.ttl;
  header[8] = header[24] = 0xfd;
  header[23] = recipe.host;
  header[39] = 99;
  if (recipe.extensions > 0) {
    header.resize(40 + recipe.extensions, 0);  // Pad1 options
    header[40] = recipe.tcp ? 6 : 17;
    header[41] = static_cast<std::uint8_t>(recipe.extensions / 8 - 1);
  }
  return header;
}

Buffer transport_header(const Recipe& recipe) {
  Buffer header(recipe.tcp ? 20 + recipe.tcp_options : 8, recipe.option_fill);
  put16(header, 0, recipe.source_port);
  put16(header, 2, recipe.destination_port);
  if (!recipe.tcp) {
    put16(header, 4, static_cast<unsigned>(8 + recipe.payload.size()));
    put16(header, 6, 0);
    return header;
  }
  put16(header, 4, recipe.sequence >> 16);
  put16(header, 6, recipe.sequence & 0xFFFF);
  put16(header, 8, recipe.acknowledgment >> 16);
  put16(header, 10, recipe.acknowledgment & 0xFFFF);
  header[12] = static_cast<std::uint8_t>(header.size() / 4 << 4);
  header[13] = recipe.flags;
  put16(header, 14, recipe.window);
  put16(header, 16, 0);
  put16(header, 18, recipe.urgent);
  return header;
}

/// With room for the rest.
Buffer pseudo_header(const Buffer& packet) {
  const bool v4 = packet[0] >> 4 == 4;
  const auto transport = transport_offset(packet);
  Buffer pseudo;
  pseudo.reserve(packet.size() + 4);
  pseudo.assign(packet.begin() + (v4 ? 12 : 8), packet.begin() + (v4 ? 20 : 40));
  const auto size = packet.size() - transport;
  const auto protocol = v4 ? packet[9] : packet[6] == 60 ? packet[40] : packet[6];
  for (const auto byte : {std::size_t{0}, std::size_t{protocol}, size >> 8, size & 0xFF}) {
    pseudo.push_back(static_cast<std::uint8_t>(byte));
  }
  return pseudo;
}

bool is_tcp(const Buffer& packet) {
  const bool v4 = packet[0] >> 4 == 4;
  return (v4 ? packet[9] : packet[6] == 60 ? packet[40] : packet[6]) == 6;
}
std::size_t checksum_at(const Buffer& packet) {
  return transport_offset(packet) + (is_tcp(packet) ? 16 : 6);
}

}  // namespace

std::uint16_t slow_checksum(const Buffer& bytes) {
  return checksum_of(bytes);
}

std::size_t transport_offset(const Buffer& packet) {
  if (packet[0] >> 4 == 4) return (packet[0] & 15u) * 4u;
  return packet[6] == 60 ? 40 + (packet[41] + 1u) * 8u : 40;
}

Buffer build(const Recipe& recipe) {
  const auto transport = transport_header(recipe);
  auto packet = ip_header(recipe, transport.size() + recipe.payload.size());
  packet.insert(packet.end(), transport.begin(), transport.end());
  packet.insert(packet.end(), recipe.payload.begin(), recipe.payload.end());
  auto summed = pseudo_header(packet);
  summed.insert(summed.end(), packet.begin() + static_cast<long>(transport_offset(packet)), packet.end());
  auto checksum = slow_checksum(summed);
  if (!recipe.tcp && checksum == 0) checksum = 0xFFFF;
  put16(packet, checksum_at(packet), checksum);
  return packet;
}

bool is_sound(const Buffer& packet) {
  const auto transport = transport_offset(packet);
  if (packet[0] >> 4 == 4) {
    if (checksum_of(Bytes(packet).first(transport)) != 0) return false;
    if (get16(packet, 2) != packet.size()) return false;
  } else if (get16(packet, 4) + 40 != packet.size()) {
    return false;
  }
  if (!is_tcp(packet) &&
      (get16(packet, transport + 6) == 0 || get16(packet, transport + 4) != packet.size() - transport)) {
    return false;
  }
  auto summed = pseudo_header(packet);
  summed.insert(summed.end(), packet.begin() + static_cast<long>(transport), packet.end());
  return slow_checksum(summed) == 0;
}

Buffer with_partial_checksum(Buffer packet) {
  const auto sum = static_cast<std::uint16_t>(~slow_checksum(pseudo_header(packet)));
  put16(packet, checksum_at(packet), sum);
  return packet;
}

Buffer random_payload(SeededRandom& random, std::size_t size) {
  Buffer payload(size);
  random.fill(payload);
  return payload;
}

}  // namespace adit::offload::test
