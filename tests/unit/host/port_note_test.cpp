// SPDX-License-Identifier: MIT
#include "host/port_note.h"

#include <gtest/gtest.h>

#include <fstream>

#include "temporary_directory.h"

namespace adit::host {
namespace {

struct PortNoteTest : testing::Test {
  static net::LinkState in(std::uint32_t bridge) {
    net::LinkState link;
    link.bridge = bridge;
    return link;
  }
  adit::test::TemporaryDirectory folder;
  PortNote note{folder.path(), "office", "boot-1"};
};

TEST_F(PortNoteTest, WhatAKilledRunPutIntoABridgeIsKnownByTheNext) {
  EXPECT_FALSE(note.past_of(7, in(3)));
  note.write(7, {.before = in(2), .bridge = 3});
  const auto past = note.past_of(7, in(3));
  ASSERT_TRUE(past);
  EXPECT_EQ(past->bridge, 3U);
  EXPECT_EQ(past->before.bridge, 2U);
}

TEST_F(PortNoteTest, WhatOthersDidSinceThenIsTheirs) {
  note.write(7, {.before = in(0), .bridge = 3});
  EXPECT_FALSE(note.past_of(7, in(4))) << "they put it into another one";
  EXPECT_FALSE(note.past_of(7, in(0))) << "or deleted that";
  EXPECT_FALSE(note.past_of(8, in(3))) << "or made another interface of that name";
  EXPECT_FALSE(PortNote(folder.path(), "office", "boot-2").past_of(7, in(3)));
  EXPECT_FALSE(PortNote(folder.path(), "other", "boot-1").past_of(7, in(3)));
}

TEST_F(PortNoteTest, OneThatIsInNoneBecauseOfUsHasNoNote) {
  note.write(7, {.before = in(0), .bridge = 3});
  note.write(7, {.before = in(3), .bridge = 0});
  EXPECT_FALSE(note.past_of(7, in(3)));
  note.write(7, {.before = in(0), .bridge = 3});
  note.remove();
  EXPECT_FALSE(note.past_of(7, in(3)));
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST_F(PortNoteTest, ABridgeThatWasMadeAnewIsNotedInPlaceOfTheOld) {
  note.write(7, {.before = in(0), .bridge = 3});
  note.write(7, {.before = in(0), .bridge = 4});
  EXPECT_FALSE(note.past_of(7, in(3)));
  EXPECT_TRUE(note.past_of(7, in(4)));
}

TEST_F(PortNoteTest, WhatItSaysAlreadyIsNotWrittenAgain) {
  note.write(7, {.before = in(0), .bridge = 3});
  std::ofstream(folder.path() / "office.port") << "somebody else's";
  note.write(7, {.before = in(0), .bridge = 3});
  EXPECT_FALSE(note.past_of(7, in(3)));
}

TEST_F(PortNoteTest, ANoteThatIsNoneSaysNothing) {
  for (const std::string text : {"", "boot-1", "boot-1 7 x 0", "boot-1 7 3", "boot-1 7 0 0", "boot-1 -7 3 0"}) {
    std::ofstream(folder.path() / "office.port") << text;
    EXPECT_FALSE(note.past_of(7, in(3))) << text;
    EXPECT_FALSE(note.past_of(7, in(0))) << text;
  }
}

/// The folder is the links' user's, and a daemon that is still root writes there.
TEST_F(PortNoteTest, ALinkThatBearsItsNameLeadsNowhere) {
  const auto outside = folder.path() / "outside";
  for (const auto* name : {"office.port", "office.port.new"}) {
    test::write_file(outside, "boot-1 7 3 2");
    std::filesystem::create_symlink(outside, folder.path() / name);
    EXPECT_FALSE(note.past_of(7, in(3))) << name;
    note.write(7, {.before = in(0), .bridge = 3});
    EXPECT_EQ(test::read_file(outside), "boot-1 7 3 2") << name;
    EXPECT_TRUE(note.past_of(7, in(3))) << name;
    note.remove();
  }
}

}  // namespace
}  // namespace adit::host
