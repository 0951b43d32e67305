// SPDX-License-Identifier: MIT
// As root: how it becomes somebody else, and what that one may. The user is `nobody`, whom every host has.
#include "rights/user.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "namespace.h"
#include "temporary_directory.h"

namespace adit::rights {
namespace {

using net::test::in_killed_process;
using net::test::run;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr const char* kNobody = "nobody";
constexpr uid_t kId = 65534;

class UserTest : public ::testing::Test {
 protected:
  UserTest() {
    // Whoever becomes somebody else has to get to it.
    ::chmod(temporary_.path().c_str(), 0755);
    for (const auto& [variable, folder] : folders()) ::setenv(variable, (temporary_.path() / folder).c_str(), 1);
  }
  ~UserTest() override {
    for (const auto& [variable, folder] : folders()) ::unsetenv(variable);
  }
  static std::vector<std::pair<const char*, const char*>> folders() {
    return {{"ADIT_RUN_DIR", "run"}, {"ADIT_STATE_DIR", "state"}, {"ADIT_WG_DIR", "wg"}};
  }
  static Needs needs(std::vector<int> capabilities = {CAP_NET_ADMIN}) {
    return {.link = "office", .interface = "office", .files = {}, .capabilities = std::move(capabilities)};
  }
  uid_t owner(const std::filesystem::path& path) const {
    struct stat about{};
    EXPECT_EQ(::stat((temporary_.path() / path).c_str(), &about), 0) << path;
    return about.st_uid;
  }

  test::TemporaryDirectory temporary_;
};

TEST_F(UserTest, WhoItBecomesMayChangeTheNetworkAndNothingElse) {
  in_killed_process([] {
    const auto outcome = become(kNobody, needs());
    ASSERT_TRUE(outcome) << outcome.error().message;
    EXPECT_TRUE(outcome->changed);
    EXPECT_THAT(outcome->sentence, AllOf(HasSubstr("nobody"), HasSubstr("CAP_NET_ADMIN")));
    EXPECT_EQ(::getuid(), kId);
    EXPECT_EQ(::setuid(0), -1) << "there is no way back";
    EXPECT_EQ(::setgid(0), -1);
    EXPECT_EQ(::open("/etc/shadow", O_RDONLY), -1);
    EXPECT_EQ(::chown("/etc", 0, 0), -1);
    // And so it is for what is executed.
    EXPECT_EQ(run("sed -n 's/^Cap...:\t//p' /proc/self/status | sort -u"), "0000000000001000\n");
    EXPECT_EQ(run("id -u; id -G"), "65534\n65534\n");
  });
}

TEST_F(UserTest, WhatALinkNeedsBesidesIsKept) {
  in_killed_process([] {
    const auto outcome = become(kNobody, needs({CAP_NET_ADMIN, CAP_NET_BIND_SERVICE}));
    ASSERT_TRUE(outcome);
    EXPECT_THAT(outcome->sentence, HasSubstr("CAP_NET_BIND_SERVICE"));
    EXPECT_EQ(run("sed -n 's/^CapEff:\t//p' /proc/self/status"), "0000000000001400\n");
  });
}

TEST_F(UserTest, ItsFoldersAreMadeForItAndWhatRootLeftThereIsGivenToIt) {
  std::filesystem::create_directories(temporary_.path() / "state/office");
  test::write_file(temporary_.path() / "state/office/timestamp", "x");
  test::write_file(temporary_.path() / "elsewhere", "root's");
  std::filesystem::create_hard_link(temporary_.path() / "elsewhere", temporary_.path() / "state/office/hard");
  std::filesystem::create_symlink("/etc/shadow", temporary_.path() / "state/office/soft");
  in_killed_process([] { ASSERT_TRUE(become(kNobody, needs())); });
  for (const auto* each : {"run", "wg", "state/office", "state/office/timestamp"}) EXPECT_EQ(owner(each), kId) << each;
  EXPECT_EQ(owner("state"), 0U) << "somebody chose it";
  EXPECT_EQ(owner("state/office/hard"), 0U) << "it has another name elsewhere";
  EXPECT_EQ(owner("state/office/soft"), 0U);
}

TEST_F(UserTest, WhatItLacksIsSaidAndForTheUsualUserNoReasonNotToStart) {
  std::filesystem::create_directory(temporary_.path() / "run");
  in_killed_process([] {
    const auto asked = become(kNobody, needs());
    ASSERT_FALSE(asked);
    EXPECT_THAT(asked.error().message,
                AllOf(HasSubstr("--user"), HasSubstr("nobody cannot write in"), HasSubstr("run")));
    EXPECT_EQ(::getuid(), 0U);
  });
  std::filesystem::remove(temporary_.path() / "run");
  in_killed_process([] {
    auto lacking = needs();
    lacking.lack = [] { return ::getuid() == kId ? std::string("could not read it again") : "asked as somebody else"; };
    const auto asked = become(kNobody, lacking);
    ASSERT_FALSE(asked);
    EXPECT_EQ(asked.error().message, "--user: nobody could not read it again");
  });
}

/// In a process that is about to end: an /etc of its own, with links of others beside this one's.
struct OwnEtc {
  explicit OwnEtc(const std::filesystem::path& folder) {
    std::filesystem::create_directories(folder / "adit");
    for (const auto* name : {"passwd", "group"}) {
      std::filesystem::copy_file(std::filesystem::path("/etc") / name, folder / name);
    }
    for (const auto* name : {"home.yaml", "home.key", "other.yaml"}) test::write_file(folder / "adit" / name, "x");
    EXPECT_EQ(::unshare(CLONE_NEWNS), 0);
    EXPECT_EQ(::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
    EXPECT_EQ(::mount(folder.c_str(), "/etc", nullptr, MS_BIND, nullptr), 0);
  }
};

TEST_F(UserTest, OfRootsFilesSomebodyWhoIsNamedGetsThoseOfTheLinkAlone) {
  in_killed_process([this] {
    const OwnEtc etc(temporary_.path() / "etc");
    auto of_file = needs();
    of_file.files = {"/etc/adit/home.yaml", "/etc/adit/home.key", ""};
    ASSERT_TRUE(become(kNobody, of_file));
  });
  EXPECT_EQ(owner("etc/adit/home.yaml"), kId);
  EXPECT_EQ(owner("etc/adit/home.key"), kId);
  EXPECT_EQ(owner("etc/adit/other.yaml"), 0U);
  EXPECT_EQ(owner("etc/adit"), 0U);
}

TEST_F(UserTest, WhatWasRootsIsSoAgainWhereTheUserLacksSomething) {
  in_killed_process([this] {
    const OwnEtc etc(temporary_.path() / "etc");
    std::filesystem::create_directories(temporary_.path() / "state/office");
    test::write_file(temporary_.path() / "state/office/timestamp", "x");
    auto lacking = needs();
    lacking.files = {"/etc/adit/home.yaml"};
    lacking.lack = [] { return ::access("/etc/adit/home.yaml", W_OK) == 0 ? "has it, and no more" : "has not got it"; };
    EXPECT_EQ(become(kNobody, lacking).error().message, "--user: nobody has it, and no more");
  });
  for (const auto* each : {"etc/adit/home.yaml", "state/office", "state/office/timestamp"})
    EXPECT_EQ(owner(each), 0U) << each;
  EXPECT_EQ(owner("run"), kId) << "which was made for it";
}

TEST_F(UserTest, WhoIsNotThereIsAnErrorWhenNamedAndElseNothing) {
  in_killed_process([] {
    EXPECT_THAT(become("adit-nobody-has", needs()).error().message, HasSubstr("there is no user adit-nobody-has"));
    const auto root = become("root", needs());
    ASSERT_TRUE(root);
    EXPECT_FALSE(root->changed);
  });
}

TEST_F(UserTest, OnlyRootBecomesSomebodyElse) {
  in_killed_process([] {
    ASSERT_TRUE(become(kNobody, needs()));
    EXPECT_TRUE(become(kNobody, needs())) << "as the run that follows does";
    EXPECT_TRUE(become("", needs()));
    EXPECT_THAT(become("root", needs()).error().message, HasSubstr("only root can become root"));
  });
}

}  // namespace
}  // namespace adit::rights
