// SPDX-License-Identifier: MIT
#include "config/file_text.h"

#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <system_error>

#include "base/file_descriptor.h"

namespace adit::config {
namespace {

std::string reason_of(int error) {
  return std::generic_category().message(error);
}

/// Whoever this runs as; by number where there is no name.
std::string user_name() {
  const auto user = ::geteuid();
  const passwd* const entry = ::getpwuid(user);
  return entry != nullptr ? entry->pw_name : std::to_string(user);
}

bool is_continuation(std::string_view text, std::size_t at) {
  return at < text.size() && (static_cast<std::uint8_t>(text[at]) & 0xc0) == 0x80;
}

bool is_forbidden_control(char character) {
  const auto byte = static_cast<std::uint8_t>(character);
  return (byte < 0x20 && character != '\n' && character != '\r' && character != '\t') || byte == 0x7f;
}

}  // namespace

std::size_t utf8_length(std::string_view text, std::size_t at) {
  const auto first = static_cast<std::uint8_t>(text[at]);
  const auto second = at + 1 < text.size() ? static_cast<std::uint8_t>(text[at + 1]) : std::uint8_t{0};
  if (first < 0x80) return 1;
  if (first < 0xc2 || first > 0xf4) return 0;
  const std::size_t length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  for (std::size_t i = 1; i < length; ++i) {
    if (!is_continuation(text, at + i)) return 0;
  }
  if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f)) return 0;
  if ((first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f)) return 0;
  return length;
}

bool is_utf16(std::string_view text) {
  if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff")) return true;
  // ASCII's characters each have a zero byte there, before or behind.
  return text.size() >= 4 && text.size() % 2 == 0 &&
         ((text[0] == '\0' && text[2] == '\0' && text[1] != '\0') ||
          (text[1] == '\0' && text[3] == '\0' && text[0] != '\0'));
}

Result<FileText> read_small_file(const std::filesystem::path& file, std::size_t max_size) {
  // O_NONBLOCK: opening a FIFO must not wait for its writer.
  const FileDescriptor fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd && errno == EACCES) {
    return fail(
        "cannot be opened: {0}; this runs as the user {1}: give it the file (chown {1}), in a folder it may enter",
        reason_of(EACCES), user_name());
  }
  if (!fd) return fail("cannot be opened: {}", reason_of(errno));
  struct stat status{};
  if (::fstat(fd.get(), &status) != 0) return fail("cannot be examined: {}", reason_of(errno));
  if (S_ISDIR(status.st_mode)) return fail("is a directory; name a file");
  if (!S_ISREG(status.st_mode)) return fail("is not a regular file; name a plain file");

  // One byte more than allowed, so that a file which grows while it is read is noticed too.
  FileText result{std::string(max_size + 1, '\0'), status.st_mode & 07777};
  std::size_t size = 0;
  while (size < result.text.size()) {
    const auto got = ::read(fd.get(), result.text.data() + size, result.text.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail("cannot be read: {}", reason_of(errno));
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  if (size > max_size) return fail("is larger than {} bytes; this cannot be the file that is meant", max_size);
  result.text.resize(size);
  return result;
}

bool check_text(std::string_view text, Problems& problems, Indentation indentation) {
  if (is_utf16(text)) {
    problems.add({1, 1, {}},
                 "is UTF-16 text, as some editors of Windows save it; save it as UTF-8, or run: iconv -f UTF-16 "
                 "-t UTF-8 FILE >NEWFILE");
    return false;
  }
  int line = 1;
  std::size_t line_start = 0;
  bool in_indentation = true;
  for (std::size_t at = 0; at < text.size();) {
    const Place place{line, static_cast<int>(at - line_start) + 1, {}};
    const auto length = utf8_length(text, at);
    if (length == 0) {
      problems.add(place, "is not UTF-8 text here; save the file as UTF-8");
      return false;
    }
    const char character = text[at];
    if (is_forbidden_control(character)) {
      problems.add(place, "holds a control character or a zero byte here; remove it");
      return false;
    }
    if (in_indentation && character == '\t' && indentation == Indentation::without_tabs) {
      problems.add(place, "is indented with a tab, which YAML does not allow; use spaces");
      return false;
    }
    at += length;
    if (character != ' ') in_indentation = false;
    if (character == '\n') {
      ++line;
      line_start = at;
      in_indentation = true;
    }
  }
  return true;
}

}  // namespace adit::config
