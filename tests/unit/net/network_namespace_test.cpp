// SPDX-License-Identifier: MIT
#include "net/network_namespace.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <sched.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "namespace.h"
#include "temporary_directory.h"

namespace adit::net {
namespace {

using test::in_namespace;
using test::run;
using testing::HasSubstr;

constexpr const char* kOwn = "/proc/thread-self/ns/net";

/// One that stays for as long as the descriptor does.
FileDescriptor fresh() {
  FileDescriptor fd;
  std::thread([&] {
    if (unshare(CLONE_NEWNET) == 0) fd.reset(open(kOwn, O_RDONLY | O_CLOEXEC));
  }).join();
  return fd;
}

std::string path_of(const FileDescriptor& fd) {
  return fmt::format("/proc/self/fd/{}", fd.get());
}

TEST(NetworkNamespace, AVisitEndsWhereItBegan) {
  in_namespace([] {
    test::make_veth_pair();
    const auto fd = fresh();
    const auto there = NetworkNamespace::open(path_of(fd));
    ASSERT_TRUE(there) << there.error().message;
    const auto home = NetworkNamespace::own();
    ASSERT_TRUE(home);
    EXPECT_FALSE(there->is(*home));
    {
      const auto visit = there->enter();
      ASSERT_TRUE(visit);
      EXPECT_TRUE(NetworkNamespace::own()->is(*there));
      EXPECT_EQ(if_nametoindex("veth-a"), 0u);
    }
    EXPECT_TRUE(NetworkNamespace::own()->is(*home));
    EXPECT_NE(if_nametoindex("veth-a"), 0u);
  });
}

TEST(NetworkNamespace, WhatIsNoneIsNamedWithTheMend) {
  EXPECT_THAT(NetworkNamespace::open("no-such-namespace").error().message,
              HasSubstr("make it with `ip netns add no-such-namespace`"));
  EXPECT_THAT(NetworkNamespace::open("/nonexistent/net").error().message, HasSubstr("cannot be opened"));
  EXPECT_THAT(NetworkNamespace::open("/proc/0/ns/net").error().message, HasSubstr("`ip netns attach NAME PID`"));
  EXPECT_THAT(NetworkNamespace::open("/dev/null").error().message, HasSubstr("is no network namespace"));
}

TEST(NetworkNamespace, KnowsWhatItsNameLeadsToByNow) {
  using Standing = NetworkNamespace::Standing;
  const adit::test::TemporaryDirectory directory;
  const auto name = directory.path() / "office";
  const auto first = fresh();
  const auto second = fresh();
  std::filesystem::create_symlink(path_of(first), name);
  const auto there = NetworkNamespace::open(name).value();
  EXPECT_EQ(there.look_up(), Standing::same);
  std::filesystem::remove(name);
  EXPECT_EQ(there.look_up(), Standing::gone);
  std::ofstream(name) << "what `ip netns add` makes first";
  EXPECT_EQ(there.look_up(), Standing::gone);
  std::filesystem::remove(name);
  std::filesystem::create_symlink(path_of(second), name);
  EXPECT_EQ(there.look_up(), Standing::another);
  std::filesystem::remove(name);
  std::filesystem::create_symlink(path_of(first), name);
  EXPECT_EQ(there.look_up(), Standing::same);
}

TEST(NetworkNamespace, WithoutTheCapabilityTheMendIsNamed) {
  in_namespace([] {
    const auto fd = fresh();
    test::drop_capabilities();
    EXPECT_THAT(NetworkNamespace::open(path_of(fd)).error().message, HasSubstr("needs CAP_SYS_ADMIN"));
  });
}

/// As root of a user namespace in the host's network: it may go into a network of its own, and not back to the host's.
TEST(NetworkNamespace, IsNotEnteredWithoutAWayBack) {
  test::in_killed_process([] {
    if (unshare(CLONE_NEWUSER) != 0) test::die();  // not allowed here, which says nothing
    const auto fd = fresh();
    const auto there = NetworkNamespace::open(path_of(fd));
    if (there || there.error().message.find("needs CAP_SYS_ADMIN") == std::string::npos) std::abort();
    test::die();
  });
}

}  // namespace
}  // namespace adit::net
