// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "cli/command_line.h"
#include "fake_daemon.h"
#include "link_status.h"

namespace adit::cli {
namespace {

using nlohmann::ordered_json;
using test::link;
using ::testing::AnyOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

std::string answer_of(const ordered_json& status) {
  return ordered_json{{"status", status}}.dump() + "\n";
}

class StatusTest : public ::testing::Test {
 protected:
  StatusTest() { setenv("ADIT_RUN_DIR", (folder_ / "").c_str(), 1); }
  ~StatusTest() override { unsetenv("ADIT_RUN_DIR"); }
  std::filesystem::path socket(const std::string& name) const { return folder_ / (name + ".sock"); }

  Folder folder_;
};

TEST_F(StatusTest, WithoutLinksItSaysSo) {
  const auto outcome = adit({"status"});
  EXPECT_EQ(outcome.status, kDone);
  EXPECT_THAT(outcome.out, AnyOf(StartsWith("no links here; begin with `adit pair "), StartsWith("no link runs here")));
  EXPECT_EQ(adit({"status", "--json"}).out, "[]\n");
}

TEST_F(StatusTest, AFolderThatIsMissingHasNoLinks) {
  setenv("ADIT_RUN_DIR", (folder_ / "none").c_str(), 1);
  EXPECT_EQ(adit({"status"}).status, kDone);
}

TEST_F(StatusTest, ALinkThatIsUpIsShown) {
  const test::FakeDaemon daemon(socket("office"), answer_of(link("office", "up")));
  const auto outcome = adit({"status", "office"});
  EXPECT_EQ(outcome.status, kDone);
  EXPECT_EQ(outcome.err, "");
  EXPECT_THAT(outcome.out, StartsWith("office: up for "));
}

TEST_F(StatusTest, ANamedLinkThatIsNotUpIsThree) {
  const test::FakeDaemon office(socket("office"), answer_of(link("office", "up")));
  const test::FakeDaemon home(socket("home"), answer_of(link("home", "stale")));
  EXPECT_EQ(adit({"status", "office"}).status, kDone);
  EXPECT_EQ(adit({"status", "home"}).status, kNotUp);
  EXPECT_EQ(adit({"status", "office", "home"}).status, kNotUp);
  EXPECT_EQ(adit({"status"}).status, kDone) << "nobody asked for a link in particular";
}

TEST_F(StatusTest, AllLinksAreShownInOrder) {
  const test::FakeDaemon office(socket("office"), answer_of(link("office", "up")));
  const test::FakeDaemon home(socket("home"), answer_of(link("home", "stale")));
  folder_.write("note.txt", "not a socket");
  const auto outcome = adit({"status"});
  EXPECT_THAT(outcome.out, StartsWith("home: "));
  EXPECT_THAT(outcome.out, HasSubstr("\n\noffice: "));
}

TEST_F(StatusTest, JsonIsAlwaysAnArray) {
  const test::FakeDaemon office(socket("office"), answer_of(link("office", "up")));
  for (const auto& outcome : {adit({"status", "--json"}), adit({"status", "office", "--json"})}) {
    EXPECT_EQ(outcome.status, kDone);
    EXPECT_EQ(ordered_json::parse(outcome.out), ordered_json::array({link("office", "up")}));
  }
}

TEST_F(StatusTest, ALinkThatIsNotThereIsFour) {
  for (const auto* name : {"nowhere", "../office", ""}) {
    const auto outcome = adit({"status", name, "--json"});
    EXPECT_EQ(outcome.status, kNoSuchLink) << name;
    EXPECT_EQ(outcome.out, "[]\n");
    EXPECT_THAT(outcome.err, StartsWith("adit: there is no link "));
  }
}

TEST_F(StatusTest, WhatAKilledDaemonLeftIsNoLink) {
  {
    const test::FakeDaemon office(socket("office"), "");
  }
  const auto outcome = adit({"status", "office"});
  EXPECT_EQ(outcome.status, kNoSuchLink);
  EXPECT_THAT(outcome.err, HasSubstr("journalctl -u adit@office"));
  EXPECT_EQ(adit({"status"}).status, kDone);
  EXPECT_THAT(adit({"status"}).err, HasSubstr("not running"));
}

TEST_F(StatusTest, ALinkThatHangsIsThereAndNotUp) {
  const test::FakeDaemon home(socket("home"), "");
  const auto outcome = adit({"status", "home"});
  EXPECT_EQ(outcome.status, kNotUp);
  EXPECT_THAT(outcome.err, HasSubstr("runs but does not answer"));
  EXPECT_EQ(adit({"status", "home", "nowhere"}).status, kNoSuchLink);
}

TEST_F(StatusTest, AnAnswerOfAnotherKindIsAnErrorAndNoCrash) {
  for (const auto* answer : {"\n", "x\n", "{}\n", "[]\n", "{\"status\":{}}\n", "{\"error\":\"no\"}\n",
                             "{\"status\":{\"name\":7,\"state\":\"up\"}}\n"}) {
    std::filesystem::remove(socket("office"));
    const test::FakeDaemon office(socket("office"), answer);
    const auto outcome = adit({"status", "office"});
    EXPECT_EQ(outcome.status, kFailed) << answer;
    EXPECT_THAT(outcome.err, HasSubstr("one version")) << answer;
    EXPECT_THAT(outcome.out, IsEmpty());
  }
}

}  // namespace
}  // namespace adit::cli
