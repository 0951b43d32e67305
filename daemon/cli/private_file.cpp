// SPDX-License-Identifier: MIT
#include "cli/private_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "base/file_descriptor.h"

namespace adit::cli {
namespace {

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const auto written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

}  // namespace

Result<> create_private_file(const std::filesystem::path& file, std::string_view text) {
  const auto& name = file.native();
  // O_EXCL follows no symbolic link either: nobody can have prepared a place for our keys to go to.
  const FileDescriptor fd(::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!fd && errno == EEXIST)
    return fail("{} is there already, and holds keys perhaps; move it away or choose another name", name);
  if (!fd) return fail("{} cannot be written: {}", name, std::generic_category().message(errno));
  if (::fchmod(fd.get(), 0600) == 0 && write_all(fd.get(), text) && ::fsync(fd.get()) == 0) return {};
  const auto error = std::generic_category().message(errno);
  ::unlink(name.c_str());
  return fail("{} cannot be written: {}", name, error);
}

}  // namespace adit::cli
