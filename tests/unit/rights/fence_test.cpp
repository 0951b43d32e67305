// SPDX-License-Identifier: MIT
// Each forbidden thing is tried from inside, in a process of its own: as root, so that nothing else forbids it.
#include "rights/fence.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/landlock.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <thread>

#include "namespace.h"
#include "temporary_directory.h"

namespace adit::rights {
namespace {

using net::test::in_killed_process;
using test::TemporaryDirectory;

/// The error, or 0.
template <class... Args>
int tried(long number, Args... args) {
  errno = 0;
  return ::syscall(number, args...) < 0 ? errno : 0;
}

/// The filter's answer, where without it there would be another one: what is asked for makes no sense.
void expect_forbidden() {
  EXPECT_EQ(tried(SYS_process_vm_readv, 0, nullptr, 0, nullptr, 0, 1), EPERM);
  EXPECT_EQ(tried(SYS_kcmp, -1, -1, -1, 0, 0), EPERM);
  EXPECT_EQ(tried(SYS_finit_module, -1, "", 0), EPERM);
  EXPECT_EQ(tried(SYS_kexec_load, 0, 0, nullptr, ~0UL), EPERM);
  EXPECT_EQ(tried(SYS_bpf, -1, nullptr, 0), EPERM);
  EXPECT_EQ(tried(SYS_io_uring_setup, 0, nullptr), EPERM);
  EXPECT_EQ(tried(SYS_userfaultfd, ~0U), EPERM);
  EXPECT_EQ(tried(SYS_perf_event_open, nullptr, 0, 0, -1, ~0UL), EPERM);
  EXPECT_EQ(tried(SYS_keyctl, -1), EPERM);
  EXPECT_EQ(tried(SYS_open_by_handle_at, -1, nullptr, 0), EPERM);
  EXPECT_EQ(tried(SYS_pivot_root, nullptr, nullptr), EPERM);
  EXPECT_EQ(tried(SYS_ioctl, -1, TIOCSTI, nullptr), EPERM);
  EXPECT_EQ(tried(SYS_ioctl, -1, 0x7'0000'0000UL | TIOCSTI, nullptr), EPERM) << "the kernel looks at the lower half";
#ifndef ADIT_INSTRUMENTED
  EXPECT_EQ(tried(SYS_ptrace, PTRACE_PEEKDATA, 0, nullptr, nullptr), EPERM);
#endif
}

TEST(Fence, WithoutItTheKernelWouldAnswerOtherwise) {
  EXPECT_NE(tried(SYS_keyctl, -1), EPERM);
  EXPECT_NE(tried(SYS_ioctl, -1, TIOCSTI, nullptr), EPERM);
  EXPECT_NE(tried(SYS_ptrace, PTRACE_PEEKDATA, 0, nullptr, nullptr), EPERM);
}

TEST(Fence, WhatNoLinkNeedsIsForbiddenAndTheRestIsNot) {
  in_killed_process([] {
    ASSERT_TRUE(forbid_system_calls());
    expect_forbidden();
    EXPECT_EQ(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 1);
    std::thread([] { expect_forbidden(); }).join();
    EXPECT_EQ(tried(SYS_ioctl, -1, TIOCGWINSZ, nullptr), EBADF);
    EXPECT_EQ(tried(SYS_mount, nullptr, "/nowhere", nullptr, 0, nullptr), ENOENT)
        << "as `ip netns exec` in a hook does";
    EXPECT_EQ(tried(SYS_setns, -1, 0), EBADF);
  });
}

TEST(Fence, AProgramThatIsStartedHasTheSameFilterAndGetsNoSecondOne) {
  in_killed_process([] {
    const auto filters = [] { return net::test::run("sed -n 's/^Seccomp_filters:\t//p' /proc/self/status"); };
    const auto before = std::stoi(filters());
    ASSERT_TRUE(forbid_system_calls());
    EXPECT_EQ(std::stoi(filters()), before + 1);
    ASSERT_TRUE(forbid_system_calls());
    EXPECT_EQ(std::stoi(filters()), before + 1);
  });
}

#ifndef ADIT_INSTRUMENTED
/// What the daemon does in its folders, and nobody does elsewhere.
TEST(Fence, FilesAreWrittenMadeAndRemovedInTheirPlacesAlone) {
  const TemporaryDirectory temporary;
  const auto inside = temporary.path() / "run";
  const auto outside = temporary.path() / "etc";
  std::filesystem::create_directory(inside);
  std::filesystem::create_directory(outside);
  test::write_file(outside / "passwd", "root");
  in_killed_process([&] {
    ::unsetenv("ADIT_WRITING_CONFINED");
    EXPECT_FALSE(is_writing_confined());
    if (const auto done = confine_writing({inside, "/dev/null", temporary.path() / "missing"}); !done) {
      EXPECT_NE(done.error().message.find("Landlock"), std::string::npos);
      return;  // a kernel without
    }
    EXPECT_TRUE(is_writing_confined());
    const auto error_of = [](int result) { return result < 0 ? errno : 0; };
    const auto passwd = outside / "passwd";
    EXPECT_EQ(error_of(::open(passwd.c_str(), O_WRONLY)), EACCES);
    EXPECT_EQ(error_of(::open((outside / "new").c_str(), O_WRONLY | O_CREAT, 0600)), EACCES);
    EXPECT_EQ(error_of(::unlink(passwd.c_str())), EACCES);
    const auto version = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (version >= 3) {  // from Linux 6.2 on
      EXPECT_EQ(error_of(::truncate(passwd.c_str(), 0)), EACCES);
      EXPECT_EQ(error_of(::open(passwd.c_str(), O_RDONLY | O_TRUNC)), EACCES);
    }
    EXPECT_EQ(error_of(::mkdir((outside / "folder").c_str(), 0700)), EACCES);
    EXPECT_EQ(error_of(::symlink("/", (outside / "link").c_str())), EACCES);
    EXPECT_NE(error_of(::rename(passwd.c_str(), (inside / "passwd").c_str())), 0);
    EXPECT_EQ(error_of(::mknod((inside / "disk").c_str(), S_IFBLK | 0600, 0x700)), EACCES);

    EXPECT_EQ(test::read_file(passwd), "root") << "a key may be anywhere";
    test::write_file(inside / "a", "written");
    EXPECT_EQ(error_of(::rename((inside / "a").c_str(), (inside / "b").c_str())), 0);
    EXPECT_EQ(test::read_file(inside / "b"), "written");
    EXPECT_EQ(error_of(::unlink((inside / "b").c_str())), 0);
    EXPECT_EQ(error_of(::open("/dev/null", O_WRONLY)), 0);
    EXPECT_TRUE(confine_writing({})) << "once is enough";
    test::write_file(inside / "c", "written");
    EXPECT_EQ(test::read_file(inside / "c"), "written");
  });
}
#endif

}  // namespace
}  // namespace adit::rights
