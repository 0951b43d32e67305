// SPDX-License-Identifier: MIT
#include "inner_packet.h"

#include "packets.h"

namespace adit::fuzz {
namespace {

constexpr std::size_t kMostBytes = 1500;
constexpr std::size_t kPayload = 100;

}  // namespace

std::vector<std::uint8_t> inner_packet(Input& input) {
  const auto kind = input.u8();
  if (kind % 8 == 7) return copy_of(input.bytes(input.u16() % kMostBytes));
  offload::test::Recipe recipe;
  recipe.v4 = (kind & 1) != 0;
  recipe.tcp = (kind & 2) != 0;
  const auto flow = input.u8();
  recipe.host = flow % 2;
  recipe.source_port = static_cast<std::uint16_t>(1000 + flow / 2 % 4);
  const auto place = input.u8();  // in the flow
  recipe.sequence = 0xFFFF'FF00 + place * kPayload;
  recipe.id = place;
  const auto odd = input.u8();
  auto size = kPayload;
  if (odd % 4 == 1) size = input.u8();
  if (odd % 16 == 2) size = input.u16() % 1300;
  recipe.payload.assign(size, input.u8());
  if (odd % 16 == 3) {
    recipe.flags = input.u8();
    recipe.ip_options = input.u8() % 11 * 4u;
    recipe.tcp_options = input.u8() % 11 * 4u;
    recipe.extensions = input.u8() % 8 * 8u;
    recipe.tos = input.u8();
    recipe.ttl = input.u8();
    recipe.window = input.u16();
    recipe.acknowledgment = input.u8();
    recipe.fragment_offset = input.u8() % 2;
    recipe.more_fragments = input.u8() % 8 == 1;
  }
  auto packet = offload::test::build(recipe);
  if (odd % 16 == 4) packet[input.u16() % packet.size()] = input.u8();
  if (odd % 16 == 5) packet.resize(input.u16() % (packet.size() + 1));
  return packet;
}

}  // namespace adit::fuzz
