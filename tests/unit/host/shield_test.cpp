// SPDX-License-Identifier: MIT
// What it keeps away is shown by tests/netns/test_routes.py; here, that a host without nftables keeps its link.
#include "host/shield.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/select.h>
#include <unistd.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/descriptor_limit.h"
#include "base/file_descriptor.h"
#include "namespace.h"
#include "no_descriptors.h"

namespace adit::host {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

const ShieldOptions kOptions{.link = "office",
                             .number = 0x0ad1'1234,
                             .interface = 1,
                             .addresses = {IpAddress::parse("10.9.0.1").value()},
                             .port = 51820,
                             .mark = 0x0ad1'1234};

TEST(Shield, WithoutASocketItSaysSoAndTheProcessGoesOn) {
  Shield shield;
  std::optional<adit::test::NoDescriptors> none(std::in_place);
  const auto done = shield.raise(kOptions);
  none.reset();
  ASSERT_FALSE(done);
  EXPECT_THAT(done.error().message, AllOf(HasSubstr("hosts of the local network can send packets"),
                                          HasSubstr("nftables cannot be talked to: Too many open files")));
  EXPECT_FALSE(shield.is_for_another(7, 0)) << "it is not raised";
}

/// libnftables waits with select().
TEST(Shield, ADescriptorBeyondSelectIsNotGivenToTheLibrary) {
  net::test::in_namespace([] {
    const RaisedDescriptorLimit raised;
    std::vector<FileDescriptor> taken;
    do {
      taken.emplace_back(::dup(STDERR_FILENO));
      ASSERT_TRUE(taken.back());
    } while (taken.back().get() < FD_SETSIZE);
    Shield shield;
    const auto done = shield.raise(kOptions);
    ASSERT_FALSE(done);
    EXPECT_THAT(done.error().message, HasSubstr("too many files are open"));
  });
}

/// One table, which says that, and not the other thing.
void expect_rules(const char* with, const char* without) {
  const auto rules = net::test::run("nft list ruleset");
  EXPECT_THAT(rules, AllOf(HasSubstr(with), Not(HasSubstr(without))));
  EXPECT_EQ(rules.find("\ntable "), std::string::npos) << rules;
}

TEST(Shield, TakesThePlaceOfTheOneBefore) {
  net::test::in_namespace([] {
    Shield shield;
    ASSERT_TRUE(shield.raise(kOptions));
    expect_rules("dport 51820", "dport 4000");
    auto options = kOptions;
    options.port = 4000;
    ASSERT_TRUE(shield.raise(options));
    EXPECT_FALSE(shield.is_for_another(4000, options.mark));
    expect_rules("dport 4000", "dport 51820");
    options.mark = 0;
    EXPECT_TRUE(shield.is_for_another(4000, options.mark));
    ASSERT_TRUE(shield.raise(options));
    expect_rules("chain neighbours", "mark");
    options.link = "home";
    ASSERT_TRUE(shield.raise(options));
    expect_rules("adit_home", "adit_office");
    shield.lower();
    EXPECT_THAT(net::test::run("nft list ruleset"), IsEmpty());
  });
}

TEST(Shield, StaysAsItIsWhereTheNextCannotBeRaised) {
  net::test::in_namespace([] {
    Shield shield;
    ASSERT_TRUE(shield.raise(kOptions));
    auto options = kOptions;
    options.port = 4000;
    std::optional<adit::test::NoDescriptors> none(std::in_place);
    const auto without = shield.raise(options);
    none.reset();
    ASSERT_FALSE(without);
    EXPECT_THAT(without.error().message, AllOf(HasSubstr("stay as they were"), HasSubstr("Too many open files")));
    EXPECT_FALSE(shield.is_for_another(4000, options.mark)) << "or it would be tried all the time";
    expect_rules("dport 51820", "dport 4000");
    options.link.assign(1000, 'x');  // longer than a table's name can be
    const auto refused = shield.raise(options);
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message, AllOf(HasSubstr("stay as they were"), HasSubstr("nftables says")));
    expect_rules("dport 51820", "xxx");
  });
}

}  // namespace
}  // namespace adit::host
