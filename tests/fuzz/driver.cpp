// SPDX-License-Identifier: MIT
#include <cstdio>
#include <cstdlib>
#include <ctime>

#include "base/time.h"
#include "fuzz.h"

namespace adit::fuzz {
namespace {

/// Ten milliseconds of the processor's time, and with the sanitizers in and somebody else on the same core five times
/// that.
constexpr Duration kTooSlow = std::chrono::milliseconds(50);
/// The first time memory is new and pages are missing; what is slow by itself stays so.
constexpr int kTries = 5;

Duration processor_time() {
  std::timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

Duration time_for(Bytes input) {
  const auto began = processor_time();
  run(input);
  return processor_time() - began;
}

}  // namespace

void require(bool holds, std::string_view sentence) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %.*s\n", static_cast<int>(sentence.size()), sentence.data());
  std::abort();
}

}  // namespace adit::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace adit::fuzz;
  const adit::Bytes input(data, size);
  auto took = time_for(input);
  for (int i = 1; i < kTries && took > kTooSlow; ++i) took = std::min(took, time_for(input));
  if (took > kTooSlow)
    std::fprintf(stderr, "%lld us of the processor's time\n", static_cast<long long>(took.count() / 1000));
  require(took <= kTooSlow, "an input takes no longer than 50 ms with the sanitizers, 10 ms without");
  return 0;
}
