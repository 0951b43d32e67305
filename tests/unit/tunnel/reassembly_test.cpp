// SPDX-License-Identifier: MIT
#include "tunnel/reassembly.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>

namespace adit::tunnel::test {
namespace {

using Buffer = std::vector<std::uint8_t>;

struct ReassemblyTest : testing::Test {
  /// Bytes `from` to `to` of `whole`, or of something else.
  std::optional<Buffer> add(std::size_t from, std::size_t to, std::uint32_t id = 1) {
    return add_of(whole, from, to, id, to == whole.size());
  }
  std::optional<Buffer> add_of(Buffer source, std::size_t from, std::size_t to, std::uint32_t id, bool is_last,
                               wire::Ecn mark = wire::Ecn::not_capable) {
    source.resize(std::max(source.size(), to));
    const auto payload = MutableBytes(source).subspan(from, to - from);
    auto joined = reassembly.add({id, from, is_last, static_cast<std::uint8_t>(from == 0 ? 47 : 99), payload},
                                 payload.size() + 20, mark, passed, now);
    const auto dropped = reassembly.take_dropped();
    refused += dropped.refused;
    incomplete += dropped.incomplete;
    if (!joined) return std::nullopt;
    EXPECT_EQ(joined->protocol, 47) << "the first part's";
    last = std::move(*joined);
    return last.payload;
  }
  void expire() {
    reassembly.expire(now);
    incomplete += reassembly.take_dropped().incomplete;
  }

  Reassembly reassembly;
  Reassembly::Whole last;
  Buffer whole = [] {
    Buffer bytes(1'000);
    std::iota(bytes.begin(), bytes.end(), std::uint8_t{0});
    return bytes;
  }();
  std::uint64_t passed = 0;
  Instant now{std::chrono::hours(1)};
  std::uint64_t refused = 0;
  std::uint64_t incomplete = 0;
};

TEST_F(ReassemblyTest, PartsMakeAWholeInAnyOrder) {
  std::vector<std::pair<std::size_t, std::size_t>> parts{{0, 8}, {8, 400}, {400, 800}, {800, 992}, {992, 1'000}};
  std::uint32_t id = 0;
  std::ranges::sort(parts);
  do {
    ++id;
    for (std::size_t i = 0; i + 1 < parts.size(); ++i) EXPECT_FALSE(add(parts[i].first, parts[i].second, id));
    EXPECT_EQ(add(parts.back().first, parts.back().second, id), whole);
    EXPECT_EQ(last.parts, 5U);
    EXPECT_EQ(last.size, 1'000U + 5 * 20);
  } while (std::ranges::next_permutation(parts).found);
  EXPECT_EQ(id, 120U);
  EXPECT_EQ(refused + incomplete, 0U);
  EXPECT_FALSE(reassembly.deadline());
}

TEST_F(ReassemblyTest, PartsOfSeveralPacketsAreToldApart) {
  for (std::uint32_t id = 0; id < Reassembly::kMaxPackets; ++id) EXPECT_FALSE(add(0, 800, id));
  for (std::uint32_t id = 0; id < Reassembly::kMaxPackets; ++id) EXPECT_EQ(add(800, 1'000, id), whole);
  EXPECT_EQ(refused + incomplete, 0U);
}

TEST_F(ReassemblyTest, OneThatComesTwiceIsPassedOver) {
  EXPECT_FALSE(add(0, 400));
  EXPECT_FALSE(add(0, 400));
  EXPECT_FALSE(add(800, 1'000));
  EXPECT_FALSE(add(800, 1'000));
  EXPECT_EQ(add(400, 800), whole);
  EXPECT_EQ(refused, 2U);
}

TEST_F(ReassemblyTest, OfPartsThatOverlapNoneIsBelievedNorAnyLaterOne) {
  struct Row {
    std::size_t from;
    std::size_t to;
    bool is_last;
  };
  for (const auto& [from, to, is_last] : std::initializer_list<Row>{{392, 800, false},
                                                                    {0, 408, false},
                                                                    {8, 16, false},
                                                                    {0, 1'000, true},
                                                                    {200, 1'000, true},
                                                                    {0, 400, true},      // the same one, and the last
                                                                    {400, 808, false},   // as the part after it
                                                                    {800, 1'008, true},  // another end
                                                                    {1'000, 1'008, false},
                                                                    {400, 600, true}}) {
    refused = 0;
    EXPECT_FALSE(add(0, 400));
    EXPECT_FALSE(add(800, 1'000));
    EXPECT_FALSE(add_of(whole, from, to, 1, is_last)) << from << " to " << to;
    EXPECT_EQ(refused, 3U);
    EXPECT_FALSE(add(0, 400));
    EXPECT_FALSE(add(400, 800));
    EXPECT_FALSE(add(800, 1'000));
    EXPECT_EQ(refused, 6U);
    now += Reassembly::kMaxAge;
    expire();
    EXPECT_EQ(incomplete, 0U) << "counted already";
  }
  EXPECT_FALSE(add(0, 400));
  auto other = whole;
  other[100] ^= 1;
  EXPECT_FALSE(add_of(other, 0, 400, 1, false)) << "the same part with something else in it";
  EXPECT_FALSE(add(400, 1'000));
}

TEST_F(ReassemblyTest, WhatIsNoPartOfAPacketIsRefusedAndHurtsNoOther) {
  EXPECT_FALSE(add(0, 400));
  EXPECT_FALSE(add_of(whole, 400, 404, 1, false)) << "no multiple of eight, and not the last";
  EXPECT_FALSE(add_of(whole, 400, 400, 1, false)) << "nothing";
  EXPECT_FALSE(add_of(whole, 65'528, 65'536, 1, true)) << "too large";
  EXPECT_EQ(refused, 3U);
  EXPECT_EQ(add(400, 1'000), whole);
}

TEST_F(ReassemblyTest, TheLargestPacketThereIs) {
  whole.resize(Reassembly::kMaxSize, 3);
  for (std::size_t at = 0; at + 1'400 < whole.size(); at += 1'400) EXPECT_FALSE(add(at, at + 1'400));
  EXPECT_EQ(add(whole.size() / 1'400 * 1'400, whole.size()), whole);
}

TEST_F(ReassemblyTest, TheLargestPacketThereIsOnTheNarrowestWay) {
  constexpr std::size_t kNarrowest = 576;
  for (const auto family : {Family::v4, Family::v6}) {
    const wire::FragmentPlan plan(family, Reassembly::kMaxSize, kNarrowest);
    const auto headers = family == Family::v4 ? std::size_t{20} : std::size_t{48};
    const auto size = plan.size_of(0) - headers;
    whole.resize(Reassembly::kMaxSize - (family == Family::v4 ? 20 : 40), 3);
    for (std::size_t at = 0; at + size < whole.size(); at += size) EXPECT_FALSE(add(at, at + size));
    EXPECT_EQ(add(whole.size() / size * size, whole.size()), whole);
    EXPECT_EQ(last.parts, plan.count());
  }
  EXPECT_EQ(refused, 0U);
}

TEST_F(ReassemblyTest, MorePartsThanAnybodyNeedsAreRefused) {
  whole.resize(8 * (Reassembly::kMaxParts + 2));
  for (std::size_t i = 0; i <= Reassembly::kMaxParts; ++i) EXPECT_FALSE(add(8 * i, 8 * i + 8));
  EXPECT_EQ(refused, Reassembly::kMaxParts + 1);
}

TEST_F(ReassemblyTest, WhatWaitsForTooLongIsDropped) {
  EXPECT_FALSE(reassembly.deadline());
  EXPECT_FALSE(add(0, 400));
  EXPECT_FALSE(add(400, 800));
  now += std::chrono::seconds(1);
  EXPECT_FALSE(add(0, 400, 2));
  EXPECT_EQ(reassembly.deadline(), now - std::chrono::seconds(1) + Reassembly::kMaxAge);
  now = *reassembly.deadline();
  expire();
  EXPECT_EQ(incomplete, 2U);
  EXPECT_FALSE(add(800, 1'000)) << "too late";
  EXPECT_EQ(add(400, 1'000, 2), whole);
  now += Reassembly::kMaxAge;
  expire();
  EXPECT_EQ(incomplete, 3U);
}

TEST_F(ReassemblyTest, ANumberThatComesRoundAgainIsAnotherPackets) {
  auto other = whole;
  std::ranges::reverse(other);
  EXPECT_FALSE(add_of(other, 0, 400, 1, false));
  passed += Reassembly::kMaxPassed + 1;
  EXPECT_FALSE(add(400, 1'000)) << "of a packet that was sent much later";
  EXPECT_EQ(incomplete, 1U);
  EXPECT_EQ(add(0, 400), whole);
}

TEST_F(ReassemblyTest, AFloodOfFirstPartsIsBoundedInNumber) {
  for (std::uint32_t id = 0; id < 10'000; ++id) EXPECT_FALSE(add(0, 8, id));
  EXPECT_EQ(incomplete, 10'000U - Reassembly::kMaxPackets);
  EXPECT_FALSE(add(0, 800, 77'777));
  EXPECT_EQ(add(800, 1'000, 77'777), whole) << "and packets that are whole pass meanwhile";
  expire();
  now += Reassembly::kMaxAge;
  expire();
  EXPECT_EQ(incomplete, 10'000U);
  EXPECT_FALSE(reassembly.deadline());
}

TEST_F(ReassemblyTest, AFloodOfLargePartsIsBoundedInMemory) {
  whole.resize(65'000);
  for (std::uint32_t id = 0; id < Reassembly::kMaxPackets; ++id) {
    EXPECT_FALSE(add(0, 40'000, id));
    EXPECT_FALSE(add(40'000, 64'000, id));
    EXPECT_LE(reassembly.held(), Reassembly::kMaxBytes);
  }
  // What is set aside for the rest counts, and so does what tells the parts apart: one less than eight of the largest.
  constexpr auto kept = Reassembly::kMaxBytes / Reassembly::kMaxSize - 1;
  EXPECT_EQ(incomplete, 2 * (Reassembly::kMaxPackets - kept));
  EXPECT_EQ(add(64'000, 65'000, Reassembly::kMaxPackets - 1), whole);
  EXPECT_FALSE(add(64'000, 65'000, 0)) << "the oldest went";
}

TEST_F(ReassemblyTest, WhatIsRefusedHoldsNoMemory) {
  whole.resize(65'000);
  for (std::uint32_t id = 0; id < Reassembly::kMaxPackets; ++id) {
    EXPECT_FALSE(add(0, 64'000, id));
    EXPECT_GE(reassembly.held(), 64'000U);
    EXPECT_FALSE(add(8, 16, id)) << "contradicts it";
    EXPECT_EQ(reassembly.held(), 0U);
  }
}

TEST_F(ReassemblyTest, AMarkOfCongestionOnOnePartIsOneOnAll) {
  using wire::Ecn;
  struct Row {
    Ecn first;
    Ecn second;
    std::optional<Ecn> all;
  };
  for (const auto& [first, second, all] :
       std::initializer_list<Row>{{Ecn::not_capable, Ecn::not_capable, Ecn::not_capable},
                                  {Ecn::capable0, Ecn::capable0, Ecn::capable0},
                                  {Ecn::capable1, Ecn::capable1, Ecn::capable1},
                                  {Ecn::capable0, Ecn::congestion, Ecn::congestion},
                                  {Ecn::congestion, Ecn::capable1, Ecn::congestion},
                                  {Ecn::congestion, Ecn::not_capable, std::nullopt},
                                  {Ecn::not_capable, Ecn::capable0, std::nullopt}}) {
    refused = 0;
    EXPECT_FALSE(add_of(whole, 0, 400, 1, false, first));
    const auto joined = add_of(whole, 400, 1'000, 1, true, second);
    EXPECT_EQ(joined.has_value(), all.has_value());
    if (all) {
      EXPECT_EQ(last.mark, *all);
    }
    EXPECT_EQ(refused, all ? 0U : 2U);
    reassembly.clear();
  }
}

TEST_F(ReassemblyTest, WhateverComesNothingIsLostUncounted) {
  std::mt19937 random(7);
  const auto upto = [&random](std::size_t most) { return random() % most; };
  std::uint64_t parts = 0;
  std::uint64_t joined = 0;
  for (int i = 0; i < 100'000; ++i) {
    const auto from = 8 * upto(30);
    const auto to = from + (upto(4) == 0 ? upto(60) : 8 * (1 + upto(10)));
    ++parts;
    if (add_of(whole, from, to, static_cast<std::uint32_t>(upto(90)), upto(3) == 0)) joined += last.parts;
    passed += upto(100);
    now += Duration(std::chrono::milliseconds(upto(20)));
  }
  reassembly.clear();
  incomplete += reassembly.take_dropped().incomplete;
  EXPECT_GT(joined, 100U);
  EXPECT_EQ(parts, joined + refused + incomplete);
}

}  // namespace
}  // namespace adit::tunnel::test
