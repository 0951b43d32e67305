// SPDX-License-Identifier: MIT
// The socket as a file: its mode, its folder, and what others left or put in its place.
#include <gmock/gmock.h>
#include <sys/stat.h>

#include "control_socket_fixture.h"

namespace adit::control {
namespace {

using test::address_of;
using test::ControlSocketTest;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class ControlSocketFileTest : public ControlSocketTest {};

TEST_F(ControlSocketFileTest, OnlyItsOwnerMayConnectWhateverTheUmask) {
  const auto before = ::umask(0);
  open();
  EXPECT_EQ(::umask(before), 0U) << "the umask is as it was";
  struct stat status{};
  ASSERT_EQ(::stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0600U);
  ASSERT_EQ(::stat(directory_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0755U);
}

TEST_F(ControlSocketFileTest, TheFileIsGoneAfterwards) {
  open();
  socket_.reset();
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(ControlSocketFileTest, AFileThatIsNoLongerOursIsLeftAlone) {
  open();
  std::filesystem::remove(path_);
  test::write_file(path_, "somebody else's");
  socket_.reset();
  EXPECT_TRUE(std::filesystem::exists(path_));
}

TEST_F(ControlSocketFileTest, WhatAKilledDaemonLeftIsReplaced) {
  std::filesystem::create_directories(directory_);
  {
    const FileDescriptor dead(::socket(AF_UNIX, SOCK_STREAM, 0));
    const auto address = address_of(path_);
    ASSERT_EQ(::bind(dead.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    ASSERT_EQ(::listen(dead.get(), 1), 0);
  }
  open();
  expect_service();
}

TEST_F(ControlSocketFileTest, WhatSomebodyTookAwayIsMadeAnew) {
  open();
  test::ControlClient early(path_);
  EXPECT_EQ(ask(early, "one\n"), "<one>\n");
  EXPECT_FALSE(socket_->come_back()) << "it is there";
  for (const auto& what : {path_, directory_}) {
    std::filesystem::remove_all(what);
    const auto done = socket_->come_back();
    ASSERT_TRUE(done) << what;
    EXPECT_TRUE(*done) << what;
    expect_service();
    EXPECT_EQ(ask(early, "two\n"), "<two>\n") << "whoever was connected still is";
  }
  socket_.reset();
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(ControlSocketFileTest, WhatCannotBeMadeAnewIsTriedAgain) {
  open();
  std::filesystem::remove_all(directory_);
  test::write_file(directory_, "in the way");
  EXPECT_FALSE(socket_->come_back()) << "that is no folder: nobody knows what it is to be";
  std::filesystem::remove(directory_);
  std::filesystem::create_symlink("nowhere/at/all", directory_);
  const auto done = socket_->come_back();
  ASSERT_TRUE(done && !*done);
  EXPECT_THAT(done->error().message, HasSubstr("ADIT_RUN_DIR"));
  EXPECT_FALSE(socket_->come_back()) << "that has been told";
  std::filesystem::remove(directory_);
  EXPECT_TRUE(socket_->come_back().value());
  expect_service();
  std::filesystem::remove_all(directory_);
  std::filesystem::create_symlink("nowhere/at/all", directory_);
  const auto again = socket_->come_back();
  EXPECT_TRUE(again && !*again) << "it was there meanwhile";
}

/// Links of one user can do that to each other.
TEST_F(ControlSocketFileTest, AnothersInItsPlaceIsNotReplacedAndTold) {
  open();
  std::filesystem::remove(path_);
  auto other = std::make_unique<ControlSocket>(loop_, directory_, "office", [](std::string_view) { return "no"; });
  const auto done = socket_->come_back();
  ASSERT_TRUE(done && !*done);
  EXPECT_THAT(done->error().message, HasSubstr("somebody else's, and answers in this link's name"));
  EXPECT_THAT(done->error().message, HasSubstr("`ss -xlp src " + path_.string() + "`"));
  EXPECT_FALSE(socket_->come_back()) << "that has been told";
  other.reset();
  test::write_file(path_, "and another's file");
  EXPECT_FALSE(socket_->come_back());
  EXPECT_EQ(test::read_file(path_), "and another's file");
  std::filesystem::remove(path_);
  EXPECT_TRUE(socket_->come_back().value()) << "as soon as its place is free";
  expect_service();
}

TEST_F(ControlSocketFileTest, ASecondDaemonOfTheNameIsRefused) {
  open();
  try {
    const ControlSocket second(loop_, directory_, "office", [](std::string_view) { return std::string(); });
    FAIL() << "two serve one name";
  } catch (const std::runtime_error& error) {
    EXPECT_THAT(error.what(), StartsWith("another aditd serves office"));
  }
  settle();
  expect_service();
}

TEST_F(ControlSocketFileTest, AFolderThatCannotBeMadeSaysWhatToDo) {
  test::write_file(directory_, "in the way");
  try {
    open();
    FAIL() << "made a socket in a file";
  } catch (const std::runtime_error& error) {
    EXPECT_THAT(error.what(), HasSubstr(directory_.string()));
    EXPECT_THAT(error.what(), HasSubstr("ADIT_RUN_DIR"));
  }
}

TEST_F(ControlSocketFileTest, APathTooLongForASocketSaysSo) {
  directory_ = temporary_.path() / std::string(120, 'd');
  try {
    open();
    FAIL() << "made a socket with a cut name";
  } catch (const std::runtime_error& error) {
    EXPECT_THAT(error.what(), HasSubstr("ADIT_RUN_DIR"));
  }
}

}  // namespace
}  // namespace adit::control
