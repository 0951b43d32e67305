// SPDX-License-Identifier: MIT
// What it keeps away is shown by tests/netns/test_routes.py; here, that a host without nftables keeps its link.
#include "host/shield.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/select.h>
#include <unistd.h>

#include <optional>
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
  EXPECT_FALSE(shield.is_for_another(7)) << "it is not raised";
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

}  // namespace
}  // namespace adit::host
