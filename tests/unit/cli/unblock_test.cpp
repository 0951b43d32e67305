// SPDX-License-Identifier: MIT
// Whether anything may be unblocked. What that does to the kernel is tests/unit/host/policy_routing_test.cpp.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "cli/command_line.h"
#include "fake_daemon.h"
#include "namespace.h"

namespace adit::cli {
namespace {

using ::testing::HasSubstr;

class UnblockTest : public ::testing::Test {
 protected:
  UnblockTest() { setenv("ADIT_RUN_DIR", (folder_ / "").c_str(), 1); }
  ~UnblockTest() override { unsetenv("ADIT_RUN_DIR"); }

  Outcome unblock() {
    Outcome outcome;
    net::test::in_namespace([&] { outcome = adit({"unblock", "office"}); });
    return outcome;
  }
  std::string socket() const { return folder_ / "office.sock"; }

  Folder folder_;
};

TEST_F(UnblockTest, ALinkThatIsToBeStoppedFirstIsTold) {
  for (const auto* answer : {"{}\n", "a daemon that ends in the middle of its answer"}) {
    std::filesystem::remove(socket());
    const test::FakeDaemon daemon(socket(), answer);
    const auto outcome = unblock();
    EXPECT_EQ(outcome.status, kFailed) << answer;
    EXPECT_THAT(outcome.err, HasSubstr("stop it first (`systemctl stop adit@office`)")) << answer;
    EXPECT_EQ(outcome.out, "");
  }
}

TEST_F(UnblockTest, ALinkThatHangsIsLeftAlone) {
  const test::FakeDaemon daemon(socket(), "");
  const auto outcome = unblock();
  EXPECT_EQ(outcome.status, kFailed);
  EXPECT_THAT(outcome.err, HasSubstr("the link runs and does not answer"));
}

TEST_F(UnblockTest, WhatAKilledDaemonLeftMayBeUnblocked) {
  {
    const test::FakeDaemon daemon(socket(), "");
  }
  const auto outcome = unblock();
  EXPECT_EQ(outcome.status, kNoSuchLink) << "it has no file, and has blocked nothing";
  EXPECT_THAT(outcome.err, HasSubstr("there is no link office"));
}

TEST_F(UnblockTest, WhoMayNotAskIsToldWhoMay) {
  const test::FakeDaemon daemon(socket(), "{}\n");
  std::filesystem::permissions(socket(), std::filesystem::perms::none);
  Outcome outcome;
  net::test::in_namespace([&] {
    net::test::drop_capabilities();
    outcome = adit({"unblock", "office"});
  });
  EXPECT_EQ(outcome.status, kFailed);
  EXPECT_THAT(outcome.err, HasSubstr("`sudo adit unblock office`"));
}

}  // namespace
}  // namespace adit::cli
