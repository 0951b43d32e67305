// SPDX-License-Identifier: MIT
// How a file's text is repeated to people: harmless to a terminal, short, and never if it might be a key.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace adit::config {

/// Of ASCII's ten, whatever the locale.
inline bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// Without white space at both ends.
std::string_view trimmed(std::string_view text);

/// The text in quotes as it is written, long text cut; what cannot be seen (control characters, spaces other than the
/// ordinary one, what is not UTF-8) is escaped. Text that could be a key in the wrong place is
/// described by its length alone.
std::string shown(std::string_view text);

/// "a, b or c"
std::string alternatives(std::span<const std::string_view> words);
/// "choose a, b or c", with `guess` as "(did you mean b?)" behind it.
std::string choose(std::span<const std::string_view> words, std::optional<std::string_view> guess);

/// The word that `wrong` is probably meant to be: the same but for case and separators, or few typing slips away
/// (letters added, left out, changed, or swapped with their neighbour).
std::optional<std::string_view> closest(std::string_view wrong, std::span<const std::string_view> words);

}  // namespace adit::config
