// SPDX-License-Identifier: MIT
// What strangers can cause as often as they like costs no words: nothing is allocated for an event that nobody is told
// of. Counts what this program allocates, so that it is not for the sanitizers, which count by themselves.
#include <gtest/gtest.h>

#include <cstdlib>
#include <new>

#include "link/event_log.h"
#include "link/observations.h"
#include "recorded_log.h"

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

namespace {
thread_local std::size_t allocations = 0;
}

// Not inline: GCC would see free() get what new made.
[[gnu::noinline]] void* operator new(std::size_t size) {
  ++allocations;
  if (void* const memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}

namespace adit::link {
namespace {

using std::chrono_literals::operator""ms;

TEST(Flood, EventsThatNobodyIsToldOfAreNotPutIntoWords) {
  test::RecordedLog logger;
  logger.set_threshold(Severity::debug);
  EventLog log(logger);
  Observations observations;
  const auto from = Endpoint::parse("[2001:db8:1:2:3:4:5:6]:51820").value();
  const auto tell = [&] {
    for (const auto reason : {tunnel::DropReason::bad_mac1, tunnel::DropReason::wrong_key,
                              tunnel::DropReason::cookie_required, tunnel::DropReason::rate_limited}) {
      const tunnel::HandshakeRefused refused{.reason = reason, .from = from, .key = {}};
      log.event(refused, Instant{});
      observations.handshake_refused(refused, {});
    }
    log.event(tunnel::HandshakeCompleted{noise::Role::responder, from, 12ms}, Instant{});
    log.event(tunnel::InitiationSent{from, 3}, Instant{});
    log.event(tunnel::EndpointMoved{from, from}, Instant{});
    log.event(tunnel::UnderLoadChanged{true}, Instant{});
  };
  for (unsigned i = 0; i < LineLimit::kBurst; ++i) tell();
  const auto before = allocations;
  ASSERT_GT(before, 0U);
  for (int i = 0; i < 1000; ++i) tell();
  EXPECT_EQ(allocations, before);
  EXPECT_EQ(observations.list().front().count, 1000 + LineLimit::kBurst);
}

}  // namespace
}  // namespace adit::link

#endif
