// SPDX-License-Identifier: MIT
#include "base/locked_memory.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace adit {
namespace {

/// AddressSanitizer puts a function in the place of mlock that does nothing and says it has.
#ifdef __has_feature
constexpr bool kMlockIsNothing = __has_feature(address_sanitizer);
#else
constexpr bool kMlockIsNothing = false;
#endif

/// What the kernel says of the memory at `address`, in its two-letter words.
std::set<std::string> flags_of(const void* address) {
  std::ifstream maps("/proc/self/smaps");
  std::string line;
  bool here = false;
  while (std::getline(maps, line)) {
    std::uintptr_t begin = 0;
    std::uintptr_t end = 0;
    if (std::sscanf(line.c_str(), "%lx-%lx ", &begin, &end) == 2) {
      const auto at = reinterpret_cast<std::uintptr_t>(address);
      here = begin <= at && at < end;
    } else if (here && line.starts_with("VmFlags:")) {
      std::istringstream words(line.substr(8));
      return {std::istream_iterator<std::string>(words), {}};
    }
  }
  return {};
}

class Taken {
 public:
  explicit Taken(std::size_t size) : size_(size), memory_(static_cast<std::uint8_t*>(take_locked(size))) {}
  Taken(Taken&& other) noexcept : size_(other.size_), memory_(std::exchange(other.memory_, nullptr)) {}
  Taken(const Taken&) = delete;
  Taken& operator=(Taken&& other) noexcept {
    std::swap(size_, other.size_);
    std::swap(memory_, other.memory_);
    return *this;
  }
  Taken& operator=(const Taken&) = delete;
  ~Taken() { give_back_locked(memory_, size_); }
  std::uint8_t* get() const { return memory_; }
  bool is_zero() const {
    return std::all_of(memory_, memory_ + size_, [](std::uint8_t byte) { return byte == 0; });
  }

 private:
  std::size_t size_;
  std::uint8_t* memory_;
};

class LockedMemory : public ::testing::TestWithParam<std::size_t> {};
INSTANTIATE_TEST_SUITE_P(OfEachKind, LockedMemory, ::testing::Values(32, 64, 65, 5000));

TEST_P(LockedMemory, IsLockedAndInNoCoreFileAndInNoChild) {
  const Taken taken(GetParam());
  const auto flags = flags_of(taken.get());
  EXPECT_TRUE(flags.contains("lo") || !locked_memory_is_locked() || kMlockIsNothing);
  EXPECT_TRUE(flags.contains("dd"));
  EXPECT_TRUE(flags.contains("wf"));
}

TEST_P(LockedMemory, IsWipedBeforeSomebodyElseHasIt) {
  std::vector<Taken> all;
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 200; ++i) {
      const auto& one = all.emplace_back(GetParam());
      ASSERT_TRUE(one.is_zero());
      std::memset(one.get(), 0xA5, GetParam());
    }
    all.clear();
  }
}

TEST_P(LockedMemory, EndsWhereNobodyMayWrite) {
  const Taken taken(GetParam());
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto begin = reinterpret_cast<std::uintptr_t>(taken.get()) / page * page;
  const auto pages = (GetParam() + page - 1) / page;
  EXPECT_FALSE(flags_of(reinterpret_cast<void*>(begin - 1)).contains("rd"));
  EXPECT_FALSE(flags_of(reinterpret_cast<void*>(begin + pages * page)).contains("rd"));
}

TEST_P(LockedMemory, IsEmptyInAChildWhichHasItsOwn) {
  const Taken taken(GetParam());
  std::memset(taken.get(), 0xA5, GetParam());
  const auto child = ::fork();
  if (child == 0) {
    bool sound = taken.is_zero();
    const Taken own(GetParam());
    std::memset(own.get(), 1, GetParam());
    sound = sound && taken.is_zero();
    give_back_locked(take_locked(GetParam()), GetParam());
    ::_exit(sound ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(taken.get()[0], 0xA5);
}

TEST(LockedMemoryPages, AreAllGivenBackWithThoseAround) {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  auto* const memory = static_cast<std::uint8_t*>(take_locked(3 * page - 1));
  const auto is_mapped = [](std::uint8_t* at) {
    unsigned char resident = 0;
    return ::mincore(at, 1, &resident) == 0;
  };
  for (std::size_t i = 0; i < 5; ++i) EXPECT_TRUE(is_mapped(memory - page + i * page)) << i;
  give_back_locked(memory, 3 * page - 1);
  for (std::size_t i = 0; i < 5; ++i) EXPECT_FALSE(is_mapped(memory - page + i * page)) << i;
}

TEST(LockedMemoryPlaces, AreEachTakenOnce) {
  std::vector<Taken> all;
  std::set<void*> places;
  for (int i = 0; i < 1000; ++i) places.insert(all.emplace_back(32).get());
  EXPECT_EQ(places.size(), 1000U);
  all.erase(all.begin() + 100, all.begin() + 900);
  for (int i = 0; i < 800; ++i) places.insert(all.emplace_back(32).get());
  EXPECT_EQ(places.size(), 1000U) << "what was given back is used again";
}

}  // namespace
}  // namespace adit
