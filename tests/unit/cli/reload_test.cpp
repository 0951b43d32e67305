// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "cli/command_line.h"
#include "fake_daemon.h"

namespace adit::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class ReloadTest : public ::testing::Test {
 protected:
  ReloadTest() { setenv("ADIT_RUN_DIR", (folder_ / "").c_str(), 1); }
  ~ReloadTest() override { unsetenv("ADIT_RUN_DIR"); }
  Outcome reload_with(const std::string& answer) {
    const test::FakeDaemon daemon(folder_ / "office.sock", answer);
    auto outcome = adit({"reload", "office"});
    std::filesystem::remove(folder_ / "office.sock");
    return outcome;
  }
  Folder folder_;
};

TEST_F(ReloadTest, SaysWhatWasChanged) {
  const auto outcome = reload_with(R"({"reload":{"changes":["interface.mtu: 1300, was the default","routes: a"]}})"
                                   "\n");
  EXPECT_EQ(outcome.status, kDone);
  EXPECT_EQ(outcome.out, "interface.mtu: 1300, was the default\nroutes: a\n");
}

TEST_F(ReloadTest, SaysWhenThereWasNothingToChange) {
  const auto outcome = reload_with("{\"reload\":{\"changes\":[]}}\n");
  EXPECT_EQ(outcome.status, kDone);
  EXPECT_THAT(outcome.out, HasSubstr("nothing to change"));
}

TEST_F(ReloadTest, MistakesInTheFileAre78AndAllOfThemAreShown) {
  const auto outcome = reload_with(R"({"error":"o.yaml has mistakes","problems":["o.yaml:1:2: a","o.yaml:3:4: b"]})"
                                   "\n");
  EXPECT_EQ(outcome.status, kInvalidConfig);
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("o.yaml:1:2: a\n"), HasSubstr("o.yaml:3:4: b\n"), HasSubstr("mistakes")));
}

TEST_F(ReloadTest, WhatCouldNotBeAppliedIsOne) {
  const auto outcome = reload_with("{\"error\":\"the route is there already\",\"problems\":[]}\n");
  EXPECT_EQ(outcome.status, kFailed);
  EXPECT_THAT(outcome.err, HasSubstr("the route is there already"));
}

TEST_F(ReloadTest, AnAnswerThatMakesNoSenseIsAnErrorAndNoCrash) {
  for (const auto* answer : {"{}\n", "7\n", "garbage\n", "{\"reload\":7}\n", "{\"reload\":{\"changes\":[1]}}\n",
                             "{\"error\":7}\n", "{\"error\":\"x\",\"problems\":[1]}\n"}) {
    EXPECT_NE(reload_with(answer).status, kDone) << answer;
  }
}

TEST_F(ReloadTest, ALinkThatIsNotThereIsNamed) {
  const auto outcome = adit({"reload", "office"});
  EXPECT_EQ(outcome.status, kFailed);
  EXPECT_THAT(outcome.err, HasSubstr("there is no link office"));
  EXPECT_EQ(adit({"reload"}).status, kWrongUsage);
}

}  // namespace
}  // namespace adit::cli
