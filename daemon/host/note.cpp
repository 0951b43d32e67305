// SPDX-License-Identifier: MIT
#include "host/note.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file_descriptor.h"

namespace adit::host {
namespace {

constexpr std::size_t kLongest = std::size_t{64} * 1024;

}  // namespace

/// A FIFO would hold up whoever opens it, but for O_NONBLOCK.
std::string read_note(const std::filesystem::path& file) {
  const FileDescriptor fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  struct stat about{};
  if (!fd || ::fstat(fd.get(), &about) != 0 || !S_ISREG(about.st_mode)) return {};
  std::string text(kLongest, '\0');
  const auto size = ::read(fd.get(), text.data(), text.size());
  text.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
  return text;
}

/// A draft that stands there is removed, and not written to: it may be another name of some file.
bool write_note(const std::filesystem::path& file, std::string_view text) {
  auto draft = file;
  draft += ".new";
  ::unlink(draft.c_str());
  const FileDescriptor fd(::open(draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (!fd) return false;
  const bool written = ::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
  if (written && ::rename(draft.c_str(), file.c_str()) == 0) return true;
  ::unlink(draft.c_str());
  return false;
}

void remove_note(const std::filesystem::path& file) {
  ::unlink(file.c_str());
}

}  // namespace adit::host
