// SPDX-License-Identifier: MIT
// What a malicious peer can send: anything, sealed with the keys of a session. What comes through is merged for the
// TUN, and must come out of the kernel's cutting as it went in.
#include "fuzz.h"
#include "inner_packet.h"
#include "live_tunnel.h"
#include "merge_check.h"

namespace adit::fuzz {

void run(Bytes bytes) {
  Input input(bytes);
  LiveTunnel tunnel;
  std::vector<Buffer> delivered;
  for (int steps = 0; !input.empty() && steps < 16; ++steps) {
    const auto choice = input.u8();
    if (choice >= 0xf8) {
      tunnel.pass(std::chrono::milliseconds(std::uint64_t{1} << (input.u8() % 18)));
      continue;
    }
    // Mostly in order and in the current session; else in any, with any counter.
    const auto session = choice >= 0xe0 ? input.u8() % 3u : 1u;
    const auto counter = choice >= 0xe0 ? input.u64() : static_cast<std::uint64_t>(1000 + steps);
    const auto inner = inner_packet(input);
    const auto turn =
        tunnel.receive(LivePair::get().sealed(session, counter, inner), LivePair::get().there, choice % 4);
    require(turn.delivered.size() <= 1, "a datagram is one packet");
    for (const auto& packet : turn.delivered) {
      require(packet.size() <= inner.size(), "a packet does not grow");
      delivered.push_back(packet);
    }
  }
  check_merge(delivered);
  const auto& status = tunnel.machine().status();
  require(status.received.packets == delivered.size(), "what is delivered is counted");
}

}  // namespace adit::fuzz
