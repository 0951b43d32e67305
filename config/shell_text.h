// SPDX-License-Identifier: MIT
// A hook's line as a shell sees it, as far as quotes, comments and simple commands go. Knows no command; what it cannot
// follow (pipes, loops, functions) it gives back as one piece, or not at all.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace adit::config {

/// Where a comment begins: at a '#' outside of quotes that begins a word; the text's size if there is none. Nothing:
/// a quote is never closed.
std::optional<std::size_t> comment_start(std::string_view text);

struct ShellCommand {
  std::string_view text;       ///< of the line, trimmed
  std::string_view separator;  ///< what stands before it: ";", "&&", "||", "|", "&"; empty: it is the first
};

/// The commands of a line, split at separators outside of quotes and of $(…).
std::vector<ShellCommand> commands_of(std::string_view text);

/// The words of a simple command, without their quotes. Expansions stay as they are written.
std::vector<std::string> shell_words(std::string_view command);

}  // namespace adit::config
