// SPDX-License-Identifier: MIT
// The configuration file, as whoever asks can read it and, where that is root, as the running daemon's user could.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/file_descriptor.h"
#include "base/paths.h"
#include "config/reader.h"
#include "doctor/as_user.h"
#include "doctor/gather.h"

namespace adit::doctor {
namespace {

FileState why_unreadable(const std::string& file) {
  const FileDescriptor fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (fd) return FileState::invalid;
  if (errno == EACCES || errno == EPERM) return FileState::forbidden;
  return errno == ENOENT || errno == ENOTDIR || errno == ENAMETOOLONG ? FileState::missing : FileState::invalid;
}

void read_as_daemon(const std::string& file, uid_t user, const config::ReadOptions& options, FileFacts& facts) {
  facts.daemon_user = user_name(user);
  const AsUser guard(user);
  if (!guard.changed()) return;
  const auto config = config::read_config(file, options);
  facts.for_daemon = config ? std::vector<config::Problem>() : config.error();
}

}  // namespace

void gather_file(Facts& facts) {
  struct stat about{};
  if (::stat(facts.file.c_str(), &about) == 0) {
    facts.file_facts.mode = about.st_mode & 07777;
    facts.file_facts.owner = user_name(about.st_uid);
  }
  // As `adit check` does: what systemd alone can hand over is not looked at.
  const config::ReadOptions options{credentials_directory(), true};
  auto& file = facts.file_facts;
  auto config = config::read_config(facts.file, options);
  if (config) {
    file.state = FileState::valid;
    file.config = std::move(*config);
  } else {
    file.state = why_unreadable(facts.file);
    file.problems = config.error();
  }
  const auto user = facts.daemon.uid;
  if (file.config && ::geteuid() == 0 && user && *user != 0) read_as_daemon(facts.file, *user, options, file);
}

}  // namespace adit::doctor
