// SPDX-License-Identifier: MIT
#include "rights/user.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <optional>
#include <system_error>
#include <tuple>
#include <utility>

#include "base/file_descriptor.h"
#include "base/paths.h"
#include "rights/describe.h"

namespace adit::rights {
namespace {

namespace fs = std::filesystem;

/// Where `wg` looks is root's, and stays so: the socket is in a folder of the user's, and a symbolic link leads there,
/// as systemd/wg-sockets does it for the unit.
constexpr const char* kOwnWgFolder = "/run/adit-wg";
/// As the unit has it: the few pages with keys.
constexpr rlim_t kLockedMemory = 1 << 20;

struct User {
  std::string name;
  std::string home;
  uid_t id;
  gid_t group;
};

std::optional<User> find_user(const std::string& name) {
  const passwd* const entry = ::getpwnam(name.c_str());
  if (entry == nullptr) return std::nullopt;
  return User{entry->pw_name, entry->pw_dir, entry->pw_uid, entry->pw_gid};
}

// Capabilities: the C library has no words for them.

using Sets = std::array<__user_cap_data_struct, 2>;

Sets own_capabilities() {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  Sets sets{};
  ::syscall(SYS_capget, &header, sets.data());
  return sets;
}

bool has(const Sets& sets, int capability) {
  return (sets[static_cast<std::size_t>(CAP_TO_INDEX(capability))].effective & CAP_TO_MASK(capability)) != 0;
}

/// These and no others, and programs that are executed get them, too: hooks, and the run that this process may become.
bool keep_only(const std::vector<int>& capabilities) {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  Sets sets{};
  for (const int each : capabilities) {
    auto& half = sets[static_cast<std::size_t>(CAP_TO_INDEX(each))];
    half.effective |= CAP_TO_MASK(each);
    half.permitted |= CAP_TO_MASK(each);
    half.inheritable |= CAP_TO_MASK(each);
  }
  if (::syscall(SYS_capset, &header, sets.data()) != 0) return false;
  return std::ranges::all_of(capabilities, [](int each) {
    return ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, static_cast<unsigned long>(each), 0, 0) == 0;
  });
}

/// Nothing that is executed may have more.
void bound_by(const std::vector<int>& capabilities) {
  for (int each = 0; ::prctl(PR_CAPBSET_READ, each, 0, 0, 0) >= 0; ++each) {
    if (std::ranges::find(capabilities, each) == capabilities.end()) ::prctl(PR_CAPBSET_DROP, each, 0, 0, 0);
  }
}

// What is handed over

class Gifts {
 public:
  explicit Gifts(const User& user) : user_(user) {}

  /// Of root's things alone, and of files none that has another name elsewhere. `made`: for the user, just now, so that
  /// nobody is to have it back.
  void give(FileDescriptor fd, bool made = false) {
    struct stat about{};
    if (::fstat(fd.get(), &about) != 0 || about.st_uid != 0) return;
    if (!S_ISDIR(about.st_mode) && (!S_ISREG(about.st_mode) || about.st_nlink != 1)) return;
    if (own(fd.get(), user_.id, user_.group) && !made) given_.emplace_back(std::move(fd), about.st_gid);
  }
  void give_file(const fs::path& file, bool made = false) {
    give(FileDescriptor(::open(file.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC)), made);
  }
  /// By descriptor: a name may be another thing's by now.
  void take_back() {
    for (const auto& [fd, group] : given_) own(fd.get(), 0, group);
    given_.clear();
  }

 private:
  static bool own(int fd, uid_t id, gid_t group) { return ::fchownat(fd, "", id, group, AT_EMPTY_PATH) == 0; }

  const User& user_;
  std::vector<std::pair<FileDescriptor, gid_t>> given_;  ///< and whose group it was
};

/// With what is in it, but no folder: links have none there.
void give_folder(const fs::path& folder, Gifts& gifts) {
  FileDescriptor fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) return;
  std::error_code error;
  for (fs::directory_iterator at(fmt::format("/proc/self/fd/{}", fd.get()), error); !error && at != end(at);
       at.increment(error)) {
    const auto name = at->path().filename();
    FileDescriptor file(::openat(fd.get(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    struct stat about{};
    if (file && ::fstat(file.get(), &about) == 0 && S_ISREG(about.st_mode)) gifts.give(std::move(file));
  }
  gifts.give(std::move(fd));
}

/// One that is made now is the user's, and so is one of Adit's own; of one that somebody chose and made, nothing is
/// known but its name.
void give_root_of(const fs::path& folder, const char* usual, mode_t mode, Gifts& gifts) {
  std::error_code ignored;
  fs::create_directories(folder.parent_path(), ignored);
  const bool made = ::mkdir(folder.c_str(), mode) == 0;
  if (!made && folder != usual) return;
  if (made) ::chmod(folder.c_str(), mode);
  gifts.give_file(folder, made);
}

bool answers(const fs::path& socket) {
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  if (socket.native().size() >= sizeof address.sun_path) return false;
  socket.native().copy(address.sun_path, sizeof address.sun_path - 1);
  const FileDescriptor probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  return ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 || errno == EAGAIN;
}

bool is_wg_folder_chosen() {
  const char* const chosen = std::getenv("ADIT_WG_DIR");
  return chosen != nullptr && *chosen != '\0';
}

fs::path own_wg_folder() {
  return is_wg_folder_chosen() ? wg_directory() : fs::path(kOwnWgFolder);
}

/// What a run as root has left behind is replaced by the link; a socket at which somebody answers is another link's,
/// and stays.
void show_to_wg(const std::string& interface) {
  if (is_wg_folder_chosen()) return;
  const auto shown = wg_directory();
  ::mkdir(shown.c_str(), 0755);
  const auto link = shown / (interface + ".sock");
  std::error_code ignored;
  if (fs::is_symlink(link, ignored) || !answers(link)) fs::remove(link, ignored);
  fs::create_symlink(fs::path(kOwnWgFolder) / link.filename(), link, ignored);
  ::setenv("ADIT_WG_DIR", kOwnWgFolder, 1);
}

bool is_configured(const fs::path& file) {
  std::error_code ignored;
  const auto inside = fs::weakly_canonical(file, ignored).lexically_relative(kConfigFolder);
  return !file.empty() && !inside.empty() && *inside.begin() != "..";
}

/// All files, as ExecStartPre= of the unit has it; folders stay root's, so that nobody else can put something there to
/// be handed over.
void give_configuration(Gifts& gifts) {
  std::error_code error;
  for (fs::recursive_directory_iterator at(kConfigFolder, error); !error && at != end(at); at.increment(error)) {
    std::error_code ignored;
    if (at->symlink_status(ignored).type() == fs::file_type::regular) gifts.give_file(at->path());
  }
}

void hand_over(const Needs& needs, bool whole_configuration, Gifts& gifts) {
  if (whole_configuration && std::ranges::any_of(needs.files, is_configured)) give_configuration(gifts);
  for (const auto& file : needs.files) {
    std::error_code ignored;
    if (is_configured(file)) gifts.give_file(fs::weakly_canonical(file, ignored));
  }
  const auto run = run_directory();
  give_root_of(run, "/run/adit", 0755, gifts);
  give_folder(run / ".numbers", gifts);
  give_root_of(own_wg_folder(), kOwnWgFolder, 0755, gifts);
  if (needs.link.empty()) return;
  const auto state = state_directory();
  give_root_of(state, "/var/lib/adit", 0700, gifts);
  give_folder(state / needs.link, gifts);
}

// Becoming

/// For good. False: it could not be done, and errno says why.
bool turn_into(const User& user, const std::vector<int>& capabilities) {
  rlimit locked{};
  if (::getrlimit(RLIMIT_MEMLOCK, &locked) == 0) {
    locked = {std::max(locked.rlim_cur, kLockedMemory), std::max(locked.rlim_max, kLockedMemory)};
    ::setrlimit(RLIMIT_MEMLOCK, &locked);
  }
  bound_by(capabilities);
  ::prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0);
  const bool turned = ::initgroups(user.name.c_str(), user.group) == 0 &&
                      ::setresgid(user.group, user.group, user.group) == 0 &&
                      ::setresuid(user.id, user.id, user.id) == 0 && keep_only(capabilities);
  ::prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0);
  ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  return turned;
}

/// What the user lacks for running the link, as somebody who has become it sees it; empty: nothing.
std::string lack_of(const User& user, const Needs& needs) {
  const auto& name = user.name;
  if (needs.lack) {
    if (auto lack = needs.lack(); !lack.empty()) return fmt::format("{} {}", name, lack);
  }
  std::vector<fs::path> folders{run_directory(), own_wg_folder()};
  if (!needs.link.empty()) {
    // That of the link is made by the run itself.
    const auto own = state_directory() / needs.link;
    folders.push_back(::access(own.c_str(), F_OK) == 0 ? own : state_directory());
  }
  for (const auto& folder : folders) {
    if (::access(folder.c_str(), W_OK | X_OK) != 0) {
      return fmt::format("{0} cannot write in {1} ({2}): `chown {0} {1}`", name, folder.string(), describe(errno));
    }
  }
  return {};
}

/// In a process of its own, for there is no way back.
std::string find_lack(const User& user, const Needs& needs) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return describe(errno);
  FileDescriptor hears(ends[0]);
  FileDescriptor tells(ends[1]);
  const auto child = ::fork();
  if (child < 0) return describe(errno);
  if (child == 0) {
    const auto lack = turn_into(user, needs.capabilities)
                          ? lack_of(user, needs)
                          : fmt::format("this process may not become {} ({})", user.name, describe(errno));
    std::ignore = ::write(tells.get(), lack.data(), lack.size());
    ::_exit(0);
  }
  tells.reset();
  std::string lack;
  std::array<char, 4096> part;
  for (ssize_t size = 0; (size = ::read(hears.get(), part.data(), part.size())) > 0 || (size < 0 && errno == EINTR);) {
    if (size > 0) lack.append(part.data(), static_cast<std::size_t>(size));
  }
  while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
  }
  return lack;
}

std::string words_of(const std::vector<int>& capabilities) {
  std::string result = "CAP_NET_ADMIN";
  for (const int each : capabilities) {
    if (each == CAP_SYS_ADMIN) result += ", CAP_SYS_ADMIN (interface.netns)";
    if (each == CAP_NET_BIND_SERVICE) result += ", CAP_NET_BIND_SERVICE (local.listen)";
  }
  return result;
}

}  // namespace

Result<Outcome> become(const std::string& wanted, const Needs& needs) {
  const bool asked = !wanted.empty();
  const auto name = asked ? wanted : kUsualUser;
  const auto user = find_user(name);
  if (asked && !user) return fail("--user: there is no user {0}: `useradd --system {0}`, or name another one", name);
  if (::geteuid() != 0) {
    if (!asked || user->id == ::geteuid()) return Outcome{};
    return fail("--user: only root can become {}: start aditd as root, or as {} and without it", name, name);
  }
  if (user && user->id == 0) return Outcome{};
  if (!user) return Outcome{.sentence = fmt::format("runs as root: there is no user {} here", name)};

  const auto own = own_capabilities();
  if (!has(own, CAP_SETUID) || !has(own, CAP_SETGID)) {
    if (asked) return fail("--user: this process may not become {} (CAP_SETUID, CAP_SETGID)", name);
    return Outcome{.sentence = fmt::format("runs as root, without the right to become {}", name)};
  }
  // Whatever this process is not allowed, as in a container, is said by whoever needs it.
  auto capabilities = needs.capabilities;
  std::erase_if(capabilities, [&own](int each) { return !has(own, each); });
  auto possible = needs;
  possible.capabilities = capabilities;
  Gifts gifts(*user);
  hand_over(possible, name == kUsualUser, gifts);
  if (const auto lack = find_lack(*user, possible); !lack.empty()) {
    // The usual one has all of it by the unit, too, and another daemon may have become that user just now.
    if (name != kUsualUser) gifts.take_back();
    if (asked) return fail("--user: {}", lack);
    return Outcome{.matters = true, .sentence = fmt::format("runs as root, since {}", lack)};
  }
  show_to_wg(needs.interface);
  if (!turn_into(*user, capabilities)) return fail("cannot become {}: {}", name, describe(errno));
  ::setenv("HOME", user->home.c_str(), 1);
  return Outcome{.changed = true,
                 .matters = true,
                 .sentence = fmt::format("goes on as the user {}, who keeps {} and no other right of root's", name,
                                         words_of(capabilities))};
}

}  // namespace adit::rights
