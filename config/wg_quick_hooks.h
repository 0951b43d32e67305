// SPDX-License-Identifier: MIT
// One hook, between Adit and wg-quick. wg-quick has bash evaluate its hooks with `set -e -o pipefail`, takes everything
// from a '#' on for a comment, puts the interface's name for %i, and a hook that fails ends it. Adit has /bin/sh or
// nobody between it and the program, a time limit, and goes on unless a hook is `required`.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "config/config.h"

namespace adit::config {

enum class HookKind : std::uint8_t { up, down };

/// `text` is not empty. `interface`: its name, for where a variable could not stand.
Hook hook_from_wg_quick(std::string_view text, HookKind kind, std::string_view interface);

/// A line without '#' and line ends that does the same, but for the time limit; hook_from_wg_quick makes the same hook
/// of it again, or one that does the same.
std::string hook_to_wg_quick(const Hook& hook, HookKind kind, std::string_view interface);

/// A word of a command, such as the name of a file: as it is where that means the same to bash and wg-quick.
std::string word_for_wg_quick(std::string_view word);
/// The word that word_for_wg_quick had to put in quotes; nothing if `text` is no such word, or more. `interface`: its
/// name, which wg-quick has already put for %i.
std::optional<std::string> quoted_word_from_wg_quick(std::string_view text, std::string_view interface);

}  // namespace adit::config
