// SPDX-License-Identifier: MIT
#include "base/assert.h"

#include <gtest/gtest.h>

namespace adit {
namespace {

TEST(AssertDeathTest, NamesTheConditionAndThePlaceAndAborts) {
  const int answer = 41;
  EXPECT_DEATH(ADIT_ASSERT(answer == 42), "answer == 42 does not hold at .*assert_test.cpp:[0-9]+; please report it");
}

TEST(Assert, EvaluatesItsConditionOnce) {
  int evaluated = 0;
  ADIT_ASSERT(++evaluated == 1);
  EXPECT_EQ(evaluated, 1);
}

}  // namespace
}  // namespace adit
