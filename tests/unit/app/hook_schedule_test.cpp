// SPDX-License-Identifier: MIT
#include "app/hook_schedule.h"

#include <gtest/gtest.h>

#include "recorded_log.h"

namespace adit::app {
namespace {

class HookScheduleTest : public ::testing::Test {
 protected:
  static config::Hook hook(const char* program, bool required) {
    config::Hook hook;
    hook.words = {program};
    hook.required = required;
    return hook;
  }
  void up(const std::vector<config::Hook>& hooks) {
    result_.reset();
    schedule_.up(hooks, {}, [this](const Result<>& result) { result_ = result; });
    while (!result_) loop_.run_once();
  }

  test::RecordedLog log_;
  net::EventLoop loop_;
  service::ServiceManager service_{loop_};
  HookSchedule schedule_{loop_, log_, service_};
  std::optional<Result<>> result_;
};

TEST_F(HookScheduleTest, OnlyAHookThatIsRequiredStandsInTheWay) {
  up({hook("/bin/false", false), hook("/bin/true", true)});
  EXPECT_TRUE(result_->has_value());
  up({hook("/bin/false", true)});
  EXPECT_FALSE(result_->has_value());
}

TEST_F(HookScheduleTest, TheEndIsToldWhenAllHaveRunAndBegunAtOnce) {
  bool done = false;
  schedule_.down({hook("/bin/true", false), hook("/bin/false", false)}, {}, [&done] { done = true; });
  EXPECT_TRUE(schedule_.ending());
  EXPECT_FALSE(done);
  while (!done) loop_.run_once();
}

}  // namespace
}  // namespace adit::app
