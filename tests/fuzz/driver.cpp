// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <optional>

#include "base/time.h"
#include "fuzz.h"

namespace adit::fuzz {
namespace {

/// What an input may take of the processor's time, in milliseconds: a number that says nothing on a machine that others
/// use as well, so who wants to know gives it, and the longest is told in any case.
constexpr const char* kLimit = "ADIT_FUZZ_LIMIT_MS";
/// More looks at an input that seems slow: the first time memory is new and pages are missing, and others run in
/// between; what is slow by itself stays so.
constexpr int kTries = 4;

Duration slowest{};  // NOLINT(cppcoreguidelines-avoid-non-const-global-variables): libFuzzer calls with nothing else

std::optional<Duration> limit() {
  const char* const text = std::getenv(kLimit);
  if (text == nullptr) return std::nullopt;
  return std::chrono::milliseconds(std::strtol(text, nullptr, 10));
}

void tell_slowest() {
  std::fprintf(stderr, "slowest input: %lld us\n", static_cast<long long>(slowest.count() / 1000));
}

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

/// What is on the clock of the wall costs no system call, and is never less than the processor's time.
Duration time_at_most(Bytes input) {
  const auto began = std::chrono::steady_clock::now();
  run(input);
  return std::chrono::steady_clock::now() - began;
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
  static const auto most = limit();
  [[maybe_unused]] static const int told = std::atexit(tell_slowest);
  const adit::Bytes input(data, size);
  auto took = time_at_most(input);
  for (int i = 0; i < kTries && took > std::max(slowest, most.value_or(slowest)); ++i)
    took = std::min(took, time_for(input));
  slowest = std::max(slowest, took);
  require(!most || took <= *most, "an input takes no longer than ADIT_FUZZ_LIMIT_MS");
  return 0;
}
