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

#include <array>
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

struct Call {
  const char* name;
  long number;
};
#define CALL(name)    \
  Call {              \
    #name, SYS_##name \
  }

/// All of fence.cpp but those that 32-bit programs alone have, and ptrace, which is for the test itself.
constexpr std::array kCalls{
    CALL(process_vm_readv),
    CALL(process_vm_writev),
    CALL(process_madvise),
    CALL(kcmp),
    CALL(pidfd_getfd),
    CALL(init_module),
    CALL(finit_module),
    CALL(delete_module),
    CALL(kexec_load),
    CALL(bpf),
    CALL(io_uring_setup),
    CALL(io_uring_enter),
    CALL(io_uring_register),
    CALL(userfaultfd),
    CALL(perf_event_open),
    CALL(remap_file_pages),
    CALL(add_key),
    CALL(request_key),
    CALL(keyctl),
    CALL(syslog),
    CALL(lookup_dcookie),
    CALL(open_by_handle_at),
    CALL(pivot_root),
    CALL(swapon),
    CALL(swapoff),
    CALL(acct),
    CALL(quotactl),
    CALL(nfsservctl),
#ifdef SYS_kexec_file_load
    CALL(kexec_file_load),
#endif
#ifdef __x86_64__
    CALL(iopl),
    CALL(ioperm),
    CALL(modify_ldt),
    CALL(uselib),
#endif
};
#undef CALL

/// The filter's answer, where without it there would be another one: what is asked for makes no sense.
void expect_forbidden() {
  for (const auto& [name, number] : kCalls) EXPECT_EQ(tried(number, -1L, -1L, -1L, -1L, -1L, -1L), EPERM) << name;
  EXPECT_EQ(tried(SYS_ioctl, -1, TIOCSTI, nullptr), EPERM);
  EXPECT_EQ(tried(SYS_ioctl, -1, TIOCLINUX, nullptr), EPERM);
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

#ifdef __x86_64__
/// As a program of 32 bits asks the kernel. The error, or 0.
int tried32(int number) {
  int result = number;
  asm volatile("int $0x80" : "+a"(result) : "b"(-1), "c"(-1), "d"(-1), "S"(-1), "D"(-1) : "memory");
  return result < 0 ? -result : 0;
}

bool runs_32_bits() {
  constexpr int kGetPid = 20;
  const auto child = ::fork();
  if (child == 0) ::_exit(tried32(kGetPid) == 0 ? 0 : 1);
  int status = 0;
  return ::waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

TEST(Fence, CallsOf32BitsAreForbiddenLikewise) {
  if (!runs_32_bits()) GTEST_SKIP() << "this kernel runs no program of 32 bits";
  in_killed_process([] {
    ASSERT_TRUE(forbid_system_calls());
    for (const auto& [name, number] :
         {Call{"vm86old", 113}, {"init_module", 128}, {"vm86", 166}, {"keyctl", 288}, {"bpf", 357}}) {
      EXPECT_EQ(tried32(static_cast<int>(number)), EPERM) << name;
    }
  });
}
#endif

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
