// SPDX-License-Identifier: MIT
#include "net/network_namespace.h"

#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>

#include <cerrno>
#include <filesystem>
#include <utility>

#include "base/assert.h"
#include "net/io.h"

namespace adit::net {
namespace {

namespace fs = std::filesystem;

constexpr const char* kNamed = "/run/netns";
/// Another thread may be elsewhere.
constexpr const char* kOwn = "/proc/thread-self/ns/net";

fs::path path_of(const std::string& name) {
  return name.starts_with('/') ? fs::path(name) : fs::path(kNamed) / name;
}

FileDescriptor open_file(const fs::path& path) {
  return FileDescriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
}

std::unexpected<Error> open_failure(const std::string& name, const fs::path& path, int error) {
  if (error == ENOENT && path.parent_path() == kNamed) {
    return fail("there is no network namespace {0} (interface.netns): make it with `ip netns add {0}`", name);
  }
  // Of a process that is somebody else's, or that the unit does not let us see (ProtectProc=).
  const bool is_of_process = name.starts_with("/proc/");
  return fail("the network namespace {} (interface.netns) cannot be opened: {}{}", name, describe(error),
              is_of_process ? "; give it a name with `ip netns attach NAME PID`, and write that name instead" : "");
}

std::unexpected<Error> enter_failure(const std::string& name, int error) {
  if (error == EPERM) {
    return fail(
        "entering the network namespace {} (interface.netns) needs CAP_SYS_ADMIN: run as root, or give the unit the "
        "drop-in that docs/network-namespaces.md shows",
        name);
  }
  if (error == EINVAL) {
    return fail("{} (interface.netns) is no network namespace: see `ip netns list`, and `ip netns add`", name);
  }
  return fail("the network namespace {} (interface.netns) cannot be entered: {}", name, describe(error));
}

}  // namespace

Result<NetworkNamespace> NetworkNamespace::open(const std::string& name) {
  const auto path = path_of(name);
  auto fd = open_file(path);
  if (!fd) return open_failure(name, path, errno);
  auto found = of(std::move(fd), name);
  if (!found) return fail("the network namespace {} (interface.netns) cannot be looked at: {}", name, describe(errno));
  // Whether it may be entered is better known before anything rests on it.
  if (auto visit = found->enter(); !visit) return std::unexpected(visit.error());
  return std::move(*found);
}

std::optional<NetworkNamespace> NetworkNamespace::of(FileDescriptor fd, std::string name) {
  struct stat about{};
  if (!fd || ::fstat(fd.get(), &about) != 0) return std::nullopt;
  return NetworkNamespace(std::move(fd), std::move(name), about);
}

std::optional<NetworkNamespace> NetworkNamespace::own() {
  return of(open_file(kOwn));
}

Result<NetworkNamespace::Visit> NetworkNamespace::enter() const {
  auto home = open_file(kOwn);
  if (!home) return fail("cannot find the way back from a network namespace ({}): {}", kOwn, describe(errno));
  // Home may belong to a user namespace above ours: then there is a way out and none back.
  if (::setns(home.get(), CLONE_NEWNET) != 0) return enter_failure(name_, errno);
  if (::setns(fd_.get(), CLONE_NEWNET) != 0) return enter_failure(name_, errno);
  return Visit(std::move(home));
}

/// What was possible a moment ago is possible; to go on would be to open sockets in the wrong place.
NetworkNamespace::Visit::~Visit() {
  if (home_) ADIT_ASSERT(::setns(home_.get(), CLONE_NEWNET) == 0);
}

NetworkNamespace::Standing NetworkNamespace::look_up() const {
  const auto path = path_of(name_);
  struct stat about{};
  if (::stat(path.c_str(), &about) != 0) return errno == ENOENT || errno == ENOTDIR ? Standing::gone : Standing::same;
  if (about.st_dev == device_ && about.st_ino == inode_) return Standing::same;
  // `ip netns add` makes an ordinary file first.
  const auto fd = open_file(path);
  return fd && ::ioctl(fd.get(), NS_GET_NSTYPE) == CLONE_NEWNET ? Standing::another : Standing::gone;
}

std::string NetworkNamespace::name_in_run() const {
  std::error_code error;
  fs::directory_iterator at(kNamed, error);
  for (; !error && at != fs::directory_iterator(); at.increment(error)) {
    struct stat about{};
    if (::stat(at->path().c_str(), &about) == 0 && about.st_dev == device_ && about.st_ino == inode_) {
      return at->path().filename();
    }
  }
  return {};
}

}  // namespace adit::net
