// SPDX-License-Identifier: MIT
#include "cli/remote.h"

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "config/folder.h"

namespace adit::cli {
namespace {

using config::Folder;
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

/// As sshd has it: the user's shell gets the command, whichever that is.
TEST(Remote, SshGetsWhatToRunAndTheInputAndTellsHowItEnded) {
  if (::geteuid() != 0) GTEST_SKIP() << "who is not root asks sudo";
  const Folder folder;
  for (const std::string shell : {"sh", "fish", "tcsh"}) {
    if (!std::filesystem::exists("/usr/bin/" + shell) && !std::filesystem::exists("/bin/" + shell)) continue;
    folder.write("ssh",
                 fmt::format(R"(#!/bin/sh
PATH=/usr/sbin:/usr/bin:/sbin:/bin
printf '%s\n' "$1" "$2" "$3"
exec {} -c "$4"
)",
                             shell),
                 0700);
    const Path path(folder.path());
    const auto outcome =
        Remote("root@vpn.example.net").run(R"(printf '%s\n' 'a  \\ "b"' "it's"; cat; exit 7)", "a key\n");
    ASSERT_TRUE(outcome) << outcome.error().message;
    EXPECT_EQ(outcome->status, 7) << shell;
    EXPECT_EQ(outcome->output, "-T\n--\nroot@vpn.example.net\na  \\\\ \"b\"\nit's\na key\n") << shell;
  }
}

TEST(Remote, WhoIsNotRootThereAsksSudoThatAsksNobody) {
  const Folder folder;
  folder.write("ssh",
               "#!/bin/sh\nPATH=/usr/bin:/bin\neval \"$(echo \"$4\" | sed -n 's/.*echo \\(.*\\) |.*/echo \\1 | base64 "
               "-d/p')\"\n",
               0700);
  const Path path(folder.path());
  const auto outcome = Remote("there").run("echo 'a b'");
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_THAT(outcome->output, HasSubstr("sudo -n sh -c " + shell_word("echo 'a b'")));
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
