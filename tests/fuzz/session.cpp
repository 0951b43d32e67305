// SPDX-License-Identifier: MIT
// The file in which a run leaves its session to the next, with bytes changed or of any kind: read, taken over, and gone
// on with.
#include <unistd.h>

#include "fuzz.h"
#include "live_tunnel.h"
#include "service/handover.h"

namespace adit::fuzz {
namespace {

constexpr std::size_t kLongest = 16'384;

std::vector<std::uint8_t> whole_file() {
  auto file = service::make_session_file();
  service::SessionFacts facts{.boot = "a-boot"};
  facts.mtu = 1420;
  require(file && service::write_session(*file, LivePair::get().ours(), facts), "a session can be written");
  std::vector<std::uint8_t> bytes(kLongest);
  bytes.resize(static_cast<std::size_t>(::pread(file->get(), bytes.data(), bytes.size(), 0)));
  return bytes;
}

/// A whole one with some bytes changed, or any bytes.
std::vector<std::uint8_t> content_of(Input input) {
  static const auto whole = whole_file();
  if (input.u8() % 8 == 7) return copy_of(input.rest());
  auto bytes = whole;
  const bool cut = input.u8() == 0xff;
  while (!input.empty()) {
    const auto place = input.u16() % bytes.size();
    bytes[place] = input.u8();
    if (cut) bytes.resize(place + 1);
  }
  return bytes;
}

}  // namespace

void run(Bytes bytes) {
  const auto content = content_of(Input(bytes));
  const auto file = service::make_session_file();
  require(file && ::write(file->get(), content.data(), content.size()) == static_cast<ssize_t>(content.size()),
          "it can be written");
  const auto& pair = LivePair::get();
  auto holder = std::make_unique<tunnel::SavedTunnelHolder>();
  const auto facts = service::consume_session(*file, holder->saved, pair.now);
  require(bytes.size() > 1 || (!bytes.empty() && bytes[0] % 8 == 7) || (facts && facts->session),
          "what is whole is taken");
  if (!facts || !facts->session) return;
  test::SeededRandom random(5);
  test::SettableWallClock clock;
  auto machine = pair.make_ours(random, clock);
  if (!machine->take_over(holder->saved, pair.now)) return;
  tunnel::Outbox out;
  Buffer packet(60 + tunnel::kPaddingSlack);
  packet[0] = 0x45;
  packet[3] = 60;
  const tunnel::PlainPacket view{MutableBytes(packet).first(60)};
  auto now = pair.now;
  for (int i = 0; i < 4; ++i) {
    machine->admit({&view, 1}, now, out);
    out.clear();
    machine->tick(now, out);
    out.clear();
    now += std::chrono::seconds(1) * (1 << 4 * i);
  }
}

}  // namespace adit::fuzz
