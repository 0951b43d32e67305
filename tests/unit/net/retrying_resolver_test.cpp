// SPDX-License-Identifier: MIT
#include "net/retrying_resolver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <vector>

#include "net/dns_server.h"
#include "no_descriptors.h"

namespace adit::net {
namespace {

using namespace std::chrono_literals;
using test::DnsServer;
using test::Question;
using test::Rcode;

/// Randomness without surprise: all bytes the same.
class ConstantRandom final : public RandomSource {
 public:
  explicit ConstantRandom(std::uint8_t byte) : byte_(byte) {}
  void fill(MutableBytes out) override { std::memset(out.data(), byte_, out.size()); }

 private:
  std::uint8_t byte_;
};

TEST(RetryingResolver, AsksUntilThereIsAnAnswer) {
  EventLoop loop;
  ConstantRandom random(0xff);
  int asked = 0;
  DnsServer server(loop, [&](const Question& question) {
    return ++asked <= 2 ? test::refuse(question, Rcode::servfail)
                        : test::answer(question, {*IpAddress::parse("192.0.2.7")}, 5);
  });
  RetryingResolver resolver(loop, random, {.servers = server.address(), .timeout = 60s, .tries = 1});
  std::vector<Duration> delays;
  std::optional<Resolved> found;
  resolver.start(
      "vpn.example.net", 7, [&](const Resolved& resolved) { found = resolved; },
      [&](const Error& error, Instant next_try) {
        EXPECT_THAT(error.message, testing::HasSubstr("vpn.example.net"));
        delays.push_back(next_try - loop.now());
      });
  EXPECT_TRUE(resolver.pending());
  while (!found) loop.run_once();
  EXPECT_FALSE(resolver.pending());
  EXPECT_EQ(found->endpoints.at(0), *Endpoint::parse("192.0.2.7:7"));
  ASSERT_EQ(delays.size(), 1u);
  EXPECT_GE(delays[0], 750ms);
  EXPECT_LT(delays[0], 1s) << "with the largest jitter";
}

TEST(RetryingResolver, WhatWaitsForItsNextTryHasItNowWhenTheNetworkIsAnotherOne) {
  EventLoop loop;
  ConstantRandom random(0);
  bool there = false;
  DnsServer server(loop, [&](const Question& question) {
    return there ? test::answer(question, {*IpAddress::parse("192.0.2.7")}, 5)
                 : test::refuse(question, Rcode::servfail);
  });
  RetryingResolver resolver(loop, random, {.servers = server.address(), .timeout = 60s, .tries = 1});
  std::vector<Duration> delays;
  bool found = false;
  resolver.start(
      "vpn.example.net", 7, [&](const Resolved&) { found = true; },
      [&](const Error&, Instant next_try) { delays.push_back(next_try - loop.now()); });
  resolver.hurry();  // it is being asked for already
  while (delays.size() < 2) loop.run_once();
  EXPECT_EQ(delays.back(), 2 * RetryingResolver::kFirstDelay);
  resolver.hurry();
  while (delays.size() < 3) loop.run_once();
  EXPECT_EQ(delays.back(), RetryingResolver::kFirstDelay) << "a network that comes takes a moment to be whole";
  there = true;
  resolver.hurry();
  while (!found) loop.run_once();
  EXPECT_FALSE(resolver.pending());
  resolver.hurry();
  EXPECT_FALSE(resolver.pending()) << "there is nothing to ask for any more";
}

// clang's UBSan looks at each type that it meets, once, and opens a pipe for that.
#ifndef __clang__
/// It is asked from within the loop, which an exception would end.
TEST(RetryingResolver, AWantOfDescriptorsIsAFailureLikeAnyOther) {
  EventLoop loop;
  ConstantRandom random(0xff);
  DnsServer server(
      loop, [](const Question& question) { return test::answer(question, {*IpAddress::parse("192.0.2.7")}, 5); });
  RetryingResolver resolver(loop, random, {.servers = server.address(), .timeout = 60s, .tries = 1});
  std::vector<std::string> failures;
  bool found = false;
  std::optional<adit::test::NoDescriptors> tight(std::in_place);
  resolver.start(
      "vpn.example.net", 7, [&](const Resolved&) { found = true; },
      [&](const Error& error, Instant) { failures.push_back(error.message); });
  const auto told_at_once = failures.size();
  while (failures.size() < 2) loop.run_once();
  tight.reset();
  EXPECT_EQ(told_at_once, 0U) << "the caller is not ready for it yet";
  EXPECT_THAT(failures.back(), testing::StartsWith("cannot resolve vpn.example.net: cannot make a timer: "));
  while (!found) loop.run_once();
  EXPECT_FALSE(resolver.pending());
}

TEST(RetryingResolver, WhatCouldNotBeAskedIsForgottenWithTheQuestion) {
  EventLoop loop;
  ConstantRandom random(0xff);
  RetryingResolver resolver(loop, random);
  const auto unexpected = [](const Error& error, Instant) { ADD_FAILURE() << error.message; };
  {
    const adit::test::NoDescriptors tight;
    resolver.start("192.0.2.7", 7, {}, unexpected);
  }
  bool found = false;
  resolver.start("192.0.2.8", 7, [&](const Resolved&) { found = true; }, unexpected);
  while (!found) loop.run_once();
  EXPECT_FALSE(resolver.pending());
}
#endif

TEST(RetryingResolver, CanBeCancelledRestartedAndDestroyedFromItsCallbacks) {
  EventLoop loop;
  ConstantRandom random(0);
  const ResolverOptions nobody{.servers = "127.0.0.1:9", .timeout = 1ms, .tries = 1};
  std::optional<RetryingResolver> resolver;
  resolver.emplace(loop, random, nobody);
  int failures = 0;
  const auto unexpected = [](const Resolved&) { ADD_FAILURE() << "found nothing"; };

  resolver->start("vpn.example.net", 7, unexpected, [&](const Error&, Instant) { ++failures, resolver->cancel(); });
  while (failures == 0) loop.run_once();
  EXPECT_FALSE(resolver->pending());

  resolver->start("vpn.example.net", 7, unexpected, [&](const Error&, Instant next_try) {
    ++failures;
    EXPECT_EQ(next_try - loop.now(), RetryingResolver::kFirstDelay) << "starting over forgets earlier failures";
    resolver->start("192.0.2.7", 7, [&](const Resolved&) { resolver.reset(); }, {});
  });
  while (resolver) loop.run_once();
  EXPECT_EQ(failures, 2);
}

}  // namespace
}  // namespace adit::net
