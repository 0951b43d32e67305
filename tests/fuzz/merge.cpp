// SPDX-License-Identifier: MIT
// Packets of any kind in one batch, up to what a batch holds.
#include "fuzz.h"
#include "inner_packet.h"
#include "merge_check.h"

namespace adit::fuzz {

void run(Bytes bytes) {
  Input input(bytes);
  const auto wanted = input.u8();
  const offload::MergeOptions options{
      .tcp4 = wanted % 16 != 1, .tcp6 = wanted % 16 != 2, .udp4 = wanted % 16 != 3, .udp6 = wanted % 16 != 4};
  std::vector<std::vector<std::uint8_t>> packets;
  while (!input.empty() && packets.size() < 256) packets.push_back(inner_packet(input));
  check_merge(packets, options);
}

}  // namespace adit::fuzz
