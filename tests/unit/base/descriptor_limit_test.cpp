// SPDX-License-Identifier: MIT
#include "base/descriptor_limit.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

namespace adit {
namespace {

/// What it finds it puts back.
class DescriptorLimit : public testing::Test {
 protected:
  DescriptorLimit() { EXPECT_EQ(::getrlimit(RLIMIT_NOFILE, &before_), 0); }
  ~DescriptorLimit() override {
    restore_descriptor_limit();
    EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &before_), 0);
  }
  void allow(rlim_t soft) const {
    const rlimit limit{.rlim_cur = soft, .rlim_max = before_.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
  }
  static rlim_t allowed() {
    rlimit limit{};
    EXPECT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
    return limit.rlim_cur;
  }

 private:
  rlimit before_{};
};

TEST_F(DescriptorLimit, IsRaisedToWhatMayBeHadAndRestored) {
  allow(100);
  EXPECT_TRUE(raise_descriptor_limit());
  EXPECT_GT(allowed(), 100U);
  EXPECT_LE(allowed(), 65'536U);
  EXPECT_FALSE(raise_descriptor_limit());
  EXPECT_TRUE(restore_descriptor_limit());
  EXPECT_EQ(allowed(), 100U) << "though it was raised twice";
  EXPECT_FALSE(restore_descriptor_limit());
}

TEST_F(DescriptorLimit, IsTheUsualOneForWhatIsStartedMeanwhile) {
  allow(100);
  {
    const UsualDescriptorLimit usual;
    EXPECT_EQ(allowed(), 100U);
  }
  EXPECT_EQ(allowed(), 100U) << "it was never raised";
  {
    const RaisedDescriptorLimit more;
    const auto raised = allowed();
    EXPECT_GT(raised, 100U);
    {
      const UsualDescriptorLimit usual;
      EXPECT_EQ(allowed(), 100U);
    }
    EXPECT_EQ(allowed(), raised);
    {
      const RaisedDescriptorLimit within;
    }
    EXPECT_EQ(allowed(), raised) << "whoever did not raise it does not restore it";
  }
  EXPECT_EQ(allowed(), 100U);
}

TEST_F(DescriptorLimit, IsNeverLowered) {
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  allow(limit.rlim_max);
  EXPECT_FALSE(raise_descriptor_limit());
  EXPECT_EQ(allowed(), limit.rlim_max);
}

}  // namespace
}  // namespace adit
