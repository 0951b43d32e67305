// SPDX-License-Identifier: MIT
#include "net/kernel_version.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace adit::net {
namespace {

using ::testing::HasSubstr;
using ::testing::Optional;

TEST(KernelVersion, OlderOnesThanAreTestedAreNamed) {
  EXPECT_THAT(doubt_about_kernel("4.19.0-27-amd64"), Optional(HasSubstr("Linux 4.19.0-27-amd64")));
  EXPECT_THAT(doubt_about_kernel("5.15.153.1-microsoft-standard-WSL2"), Optional(HasSubstr("6.1 and later")));
  EXPECT_THAT(doubt_about_kernel("6.0"), Optional(HasSubstr("newer kernel")));
}

TEST(KernelVersion, NothingIsSaidOfOthers) {
  for (const auto* const release : {"6.1.0-26-amd64", "6.12.48", "10.0", "", "6", "six.one", "6.", "4."}) {
    EXPECT_EQ(doubt_about_kernel(release), std::nullopt) << release;
  }
}

}  // namespace
}  // namespace adit::net
