// SPDX-License-Identifier: MIT
// A list of what is forbidden, not of what is allowed: hooks are anybody's programs, they inherit all of it, and must
// not find out by dying. What is on it is of no use to a link, and of much use to whoever has taken one over.
#include "rights/fence.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <memory>
#include <tuple>

#include "base/file_descriptor.h"
#include "rights/describe.h"

namespace adit::rights {
namespace {

// System calls

constexpr std::array kForbidden{
#ifndef ADIT_INSTRUMENTED
    "ptrace",
#endif
    // The memory and the descriptors of other processes.
    "process_vm_readv", "process_vm_writev", "process_madvise", "kcmp", "pidfd_getfd",
    // Code in the kernel, or another kernel.
    "init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load", "bpf", "iopl", "ioperm",
    // Where holes in the kernel were found again and again.
    "io_uring_setup", "io_uring_enter", "io_uring_register", "userfaultfd", "perf_event_open", "modify_ldt", "vm86",
    "vm86old", "uselib", "remap_file_pages",
    // Keys of others, what the kernel says of itself, files by their number and past all folders.
    "add_key", "request_key", "keyctl", "syslog", "lookup_dcookie", "open_by_handle_at",
    // The host as a whole.
    "pivot_root", "swapon", "swapoff", "acct", "quotactl", "nfsservctl"};

/// What types for whoever sits at the terminal that the daemon was started from.
constexpr std::array<unsigned long, 2> kForbiddenIoctls{TIOCSTI, TIOCLINUX};

/// Without the filter the descriptor would be the first mistake (EBADF).
bool has_filter() {
  return ::ioctl(-1, TIOCSTI, nullptr) == -1 && errno == EPERM;
}

using Filter = std::unique_ptr<void, decltype(&seccomp_release)>;

/// 0, or an error number. Programs of the processor's 32-bit sort are filtered likewise, and those of a third find no
/// system calls at all.
int fill(scmp_filter_ctx filter) {
  int error = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(ENOSYS));
  // Older kernels would slow the whole program down for having a filter.
  if (error == 0) error = seccomp_attr_set(filter, SCMP_FLTATR_CTL_SSB, 1);
  if (error == 0) error = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
#if defined(__x86_64__)
  if (error == 0) error = seccomp_arch_add(filter, SCMP_ARCH_X86);
#elif defined(__aarch64__)
  if (error == 0) error = seccomp_arch_add(filter, SCMP_ARCH_ARM);
#endif
  for (const char* const name : kForbidden) {
    const int number = seccomp_syscall_resolve_name(name);
    if (error == 0 && number != __NR_SCMP_ERROR) error = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), number, 0);
  }
  for (const auto request : kForbiddenIoctls) {
    // The kernel looks at its lower half only.
    const auto same = SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffff'ffff, request);
    if (error == 0) error = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(ioctl), 1, same);
  }
  return -error;
}

// Files

/// Of later kernels than the headers of Debian 12 are from.
constexpr std::uint64_t kTruncate = 1ULL << 14;
constexpr std::uint64_t kOfFiles = LANDLOCK_ACCESS_FS_WRITE_FILE | kTruncate;
constexpr std::uint64_t kDevices = LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK;
/// So that a run that this process becomes knows, and hooks do not see it (host::hook_environment).
constexpr const char* kMark = "ADIT_WRITING_CONFINED";

std::uint64_t all_writing(long version) {
  std::uint64_t result = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
                         LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
                         LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_SYM |
                         kDevices;
  if (version >= 2) result |= LANDLOCK_ACCESS_FS_REFER;
  if (version >= 3) result |= kTruncate;
  return result;
}

/// Below /proc/sys a folder that nobody holds may come back as another one, which no rule is for: it stays open, also
/// in the run that this process becomes, whose rules are these. Behind those that are passed on, which have the first
/// numbers there.
void hold(const std::filesystem::path& place, int fd) {
  constexpr rlim_t kFarBehind = 255;
  rlimit limit{};
  if (!place.native().starts_with("/proc/") || ::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  std::ignore = ::fcntl(fd, F_DUPFD, std::min(limit.rlim_cur - 1, kFarBehind));
}

Result<> allow(int rules, const std::filesystem::path& place, std::uint64_t handled) {
  const FileDescriptor fd(::open(place.c_str(), O_PATH | O_CLOEXEC));
  if (!fd) return {};
  struct stat about{};
  ::fstat(fd.get(), &about);
  const auto allowed = S_ISDIR(about.st_mode) ? handled & ~kDevices : handled & kOfFiles;
  const landlock_path_beneath_attr rule{.allowed_access = allowed, .parent_fd = fd.get()};
  if (::syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0) {
    return fail("Landlock takes no rule for {}: {}", place.string(), describe(errno));
  }
  hold(place, fd.get());
  return {};
}

}  // namespace

Result<> forbid_system_calls() {
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
    return fail("there is no no_new_privs to be had here ({})", describe(errno));
  }
  if (has_filter()) return {};
  const Filter filter(seccomp_init(SCMP_ACT_ALLOW), &seccomp_release);
  int error = filter ? fill(filter.get()) : ENOMEM;
  if (error == 0) error = -seccomp_load(filter.get());
  if (error != 0) return fail("no filter for system calls can be had here (seccomp: {})", describe(error));
  return {};
}

Result<> confine_writing(const std::vector<std::filesystem::path>& places) {
#ifdef ADIT_INSTRUMENTED
  return {};
#endif
  if (is_writing_confined()) return {};
  const auto version = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  if (version < 1) return fail("there is no Landlock to be had here ({})", describe(errno));
  const auto handled = all_writing(version);
  const landlock_ruleset_attr attributes{.handled_access_fs = handled};
  const FileDescriptor rules(
      static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0)));
  if (!rules) return fail("Landlock makes no rules: {}", describe(errno));
  for (const auto& place : places) {
    if (auto done = allow(rules.get(), place, handled); !done) return done;
  }
  if (::syscall(SYS_landlock_restrict_self, rules.get(), 0) != 0) {
    return fail("Landlock does not take its rules: {}", describe(errno));
  }
  ::setenv(kMark, "1", 1);
  return {};
}

bool is_writing_confined() {
  return ::getenv(kMark) != nullptr;
}

}  // namespace adit::rights
