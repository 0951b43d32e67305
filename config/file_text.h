// SPDX-License-Identifier: MIT
// Small files from disk, and whether their bytes are text at all. Knows neither YAML nor keys.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.h"
#include "config/problem.h"

namespace adit::config {

struct FileText {
  std::string text;
  mode_t mode = 0;  ///< permission bits, of the very file that was read

  bool others_can_read() const { return (mode & 077) != 0; }
  bool others_can_write() const { return (mode & 022) != 0; }
};

/// Regular files of at most `max_size` bytes only. The error is what follows the file's name in a sentence.
Result<FileText> read_small_file(const std::filesystem::path& file, std::size_t max_size);

/// How many bytes the character at `at` takes; 0 if it is not UTF-8 (RFC 3629: no overlong forms, no surrogates).
std::size_t utf8_length(std::string_view text, std::size_t at);

/// Whether the text begins as UTF-16 does, with its byte order mark or without.
bool is_utf16(std::string_view text);

enum class Indentation : std::uint8_t { without_tabs, any };

/// Reports bytes that are not UTF-8, control characters and tabs as indentation; false if there are any.
bool check_text(std::string_view text, Problems& problems, Indentation indentation = Indentation::without_tabs);

}  // namespace adit::config
