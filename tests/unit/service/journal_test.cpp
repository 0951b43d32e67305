// SPDX-License-Identifier: MIT
#include "service/journal.h"

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fake_journal.h"
#include "temporary_directory.h"

namespace adit::service {
namespace {

using adit::test::FakeJournal;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(Journal, AnEntryNamesLinkPeerAndEvent) {
  const Journal journal("office", "KEY=");
  EXPECT_THAT(journal.compose(Severity::info, "the link is up", {entry::kUp, {{"ADIT_STATE", "up"}}}),
              ElementsAre("MESSAGE=the link is up", "PRIORITY=6", "SYSLOG_IDENTIFIER=aditd", "ADIT_LINK=office",
                          "ADIT_PEER=KEY=", "ADIT_EVENT=state", "MESSAGE_ID=58d578675ed34768be23d2475a94b767",
                          "ADIT_STATE=up"));
}

TEST(Journal, WhatIsNotKnownIsLeftOut) {
  const Journal journal("office", "");
  EXPECT_THAT(journal.compose(Severity::info, "hello", {{}, {{"ADIT_REASON", ""}}}),
              ElementsAre("MESSAGE=hello", "PRIORITY=6", "SYSLOG_IDENTIFIER=aditd", "ADIT_LINK=office"));
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

TEST(Journal, AnEntryIsADatagramOfTheNativeProtocol) {
  const adit::test::TemporaryDirectory directory;
  const FakeJournal fake(directory.path() / "socket");
  Journal journal("office", "", fake.path());
  journal.write(Severity::info, "one line");
  journal.write(Severity::error, "two\nlines");
  using namespace std::string_literals;
  EXPECT_THAT(fake.read(), ElementsAre("MESSAGE=one line\nPRIORITY=6\nSYSLOG_IDENTIFIER=aditd\nADIT_LINK=office\n",
                                       "MESSAGE\n\x09\0\0\0\0\0\0\0two\nlines\nPRIORITY=3\nSYSLOG_IDENTIFIER=aditd\n"
                                       "ADIT_LINK=office\n"s));
  journal.write(Severity::info, std::string(1 << 20, 'x'));
  EXPECT_THAT(fake.read(), ElementsAre(HasSubstr("ADIT_LINK=office")));
}

TEST(Journal, ThatDoesNotReadKeepsNobodyWaitingAndIsToldWhatItMissed) {
  const adit::test::TemporaryDirectory directory;
  const FakeJournal fake(directory.path() / "socket");
  Journal journal("office", "", fake.path());
  constexpr std::size_t kEntries = 5000;
  for (std::size_t i = 0; i < kEntries; ++i) journal.write(Severity::info, "again and again");
  const auto taken = fake.read().size();
  EXPECT_LT(taken, kEntries);
  journal.write(Severity::info, "and then");
  const auto entries = fake.read();
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_THAT(entries[0], HasSubstr(fmt::format("{} entries were left out here", kEntries - taken)));
  EXPECT_THAT(entries[1], HasSubstr("and then"));
}

}  // namespace
}  // namespace adit::service
