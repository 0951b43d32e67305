// SPDX-License-Identifier: MIT
#include "service/journal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace adit::service {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;

TEST(Journal, AnEntryNamesLinkPeerAndEvent) {
  const Journal journal("office", "KEY=");
  EXPECT_THAT(journal.compose(Severity::info, "the link is up", {entry::kUp, {{"ADIT_STATE", "up"}}}),
              ElementsAre("MESSAGE=the link is up", "PRIORITY=6", "ADIT_LINK=office", "ADIT_PEER=KEY=",
                          "ADIT_EVENT=state", "MESSAGE_ID=58d578675ed34768be23d2475a94b767", "ADIT_STATE=up"));
}

TEST(Journal, WhatIsNotKnownIsLeftOut) {
  const Journal journal("office", "");
  EXPECT_THAT(journal.compose(Severity::info, "hello", {{}, {{"ADIT_REASON", ""}}}),
              ElementsAre("MESSAGE=hello", "PRIORITY=6", "ADIT_LINK=office"));
}

TEST(Journal, EachLevelHasItsPriority) {
  const Journal journal("office", "");
  const std::pair<Severity, const char*> cases[] = {{Severity::error, "PRIORITY=3"},
                                                    {Severity::warn, "PRIORITY=4"},
                                                    {Severity::info, "PRIORITY=6"},
                                                    {Severity::debug, "PRIORITY=7"},
                                                    {Severity::trace, "PRIORITY=7"}};
  for (const auto& [severity, priority] : cases) {
    EXPECT_THAT(journal.compose(severity, "", {}), Contains(priority));
  }
}

}  // namespace
}  // namespace adit::service
