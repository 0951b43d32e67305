// SPDX-License-Identifier: MIT
#include "app/journal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace adit::app {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;

namespace level = spdlog::level;

TEST(Journal, AnEntryNamesLinkPeerAndEvent) {
  const Journal journal("office", "KEY=");
  EXPECT_THAT(journal.compose(level::info, "the link is up", {entry::kUp, {{"ADIT_STATE", "up"}}}),
              ElementsAre("MESSAGE=the link is up", "PRIORITY=6", "ADIT_LINK=office", "ADIT_PEER=KEY=",
                          "ADIT_EVENT=state", "MESSAGE_ID=58d578675ed34768be23d2475a94b767", "ADIT_STATE=up"));
}

TEST(Journal, WhatIsNotKnownIsLeftOut) {
  const Journal journal("office", "");
  EXPECT_THAT(journal.compose(level::info, "hello", {{}, {{"ADIT_REASON", ""}}}),
              ElementsAre("MESSAGE=hello", "PRIORITY=6", "ADIT_LINK=office"));
}

TEST(Journal, EachLevelHasItsPriority) {
  const Journal journal("office", "");
  const std::pair<level::level_enum, const char*> cases[] = {
      {level::critical, "PRIORITY=3"}, {level::err, "PRIORITY=3"},   {level::warn, "PRIORITY=4"},
      {level::info, "PRIORITY=6"},     {level::debug, "PRIORITY=7"}, {level::trace, "PRIORITY=7"}};
  for (const auto& [severity, priority] : cases) {
    EXPECT_THAT(journal.compose(severity, "", {}), Contains(priority));
  }
}

}  // namespace
}  // namespace adit::app
