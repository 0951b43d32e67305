// SPDX-License-Identifier: MIT
#include "cli/remote.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "config/folder.h"

namespace adit::cli {
namespace {

using config::Folder;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

/// What PATH is meanwhile.
class Path {
 public:
  explicit Path(const std::string& path) : before_(std::getenv("PATH")) { ::setenv("PATH", path.c_str(), 1); }
  Path(const Path&) = delete;
  Path& operator=(const Path&) = delete;
  ~Path() { ::setenv("PATH", before_.c_str(), 1); }

 private:
  std::string before_;
};

TEST(Remote, SshGetsWhatToRunAndTheInputAndTellsHowItEnded) {
  const Folder folder;
  folder.write("ssh", "#!/bin/sh\nPATH=/usr/bin:/bin\nprintf '%s\\n' \"$@\"\ncat\nexit 7\n", 0700);
  const Path path(folder.path());
  const auto outcome = Remote("root@vpn.example.net").run("echo 'a b'", "a key\n");
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_EQ(outcome->status, 7);
  EXPECT_THAT(outcome->output, StartsWith("-T\n--\nroot@vpn.example.net\n"));
  EXPECT_THAT(outcome->output, HasSubstr("sudo -n sh -c " + shell_word("echo 'a b'")));
  EXPECT_THAT(outcome->output, EndsWith("\na key\n"));
}

TEST(Remote, WhatASignalEndedHasAShellsStatus) {
  const Folder folder;
  folder.write("ssh", "#!/bin/sh\nkill -9 $$\n", 0700);
  const Path path(folder.path());
  const auto outcome = Remote("there").run("true");
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_EQ(outcome->status, 128 + 9);
}

TEST(Remote, WithoutSshItSaysWhatToInstall) {
  const Folder folder;
  const Path path(folder.path());
  const auto outcome = Remote("there").run("true");
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().message, "there is no ssh here: install it (openssh-client has ssh)");
  folder.write("ssh", "no program", 0600);
  const auto forbidden = Remote("there").run("true");
  ASSERT_FALSE(forbidden);
  EXPECT_THAT(forbidden.error().message, StartsWith("ssh cannot be run: "));
}

}  // namespace
}  // namespace adit::cli
