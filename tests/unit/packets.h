// SPDX-License-Identifier: MIT
// Packets of all kinds, and a reference for checksum, split and merge that is slow and obvious and shares no code with
// what it judges.
#pragma once

#include <vector>

#include "offload/virtio_header.h"
#include "support.h"

namespace adit::offload::test {

using adit::test::SeededRandom;
using Buffer = std::vector<std::uint8_t>;

/// What a packet is made from.
struct Recipe {
  bool v4 = true;
  bool tcp = true;
  std::size_t ip_options = 0;   ///< bytes, a multiple of 4 (IPv4)
  std::size_t extensions = 0;   ///< bytes of a destination-options header, a multiple of 8 (IPv6)
  std::size_t tcp_options = 0;  ///< bytes, a multiple of 4
  std::uint8_t tos = 0;
  std::uint8_t ttl = 64;
  bool dont_fragment = true;
  std::uint16_t fragment_offset = 0;
  bool more_fragments = false;
  std::uint16_t id = 1;
  std::uint8_t host = 1;     ///< last byte of the source address
  Buffer v4_addresses = {};  ///< source and destination, if it matters which
  std::uint16_t source_port = 1000;
  std::uint16_t destination_port = 2000;
  std::uint32_t sequence = 1;
  std::uint32_t acknowledgment = 1;
  std::uint16_t window = 500;
  std::uint16_t urgent = 0;
  std::uint8_t flags = 0x10;
  std::uint8_t option_fill = 1;
  Buffer payload;
};

std::uint16_t slow_checksum(const Buffer& bytes);
std::size_t transport_offset(const Buffer& packet);
/// All checksums right.
Buffer build(const Recipe& recipe);
/// True when IP and transport checksums of a whole packet are right (for UDP: and not zero).
bool is_sound(const Buffer& packet);
/// The packet as the kernel hands it over: transport checksum left to be finished.
Buffer with_partial_checksum(Buffer packet);
Buffer random_payload(SeededRandom& random, std::size_t size);

}  // namespace adit::offload::test
