// SPDX-License-Identifier: MIT
#include "config/wording.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>
#include <vector>

#include "config/file_text.h"
#include "crypto/keys.h"

namespace adit::config {
namespace {

constexpr std::size_t kLongest = 80;

bool is_base64(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' || c == '/' || c == '=';
}

/// A run of base64 nearly as long as a key, or longer: perhaps a key that was cut short, or has something glued to it.
bool may_hold_a_key(std::string_view text) {
  std::size_t run = 0;
  for (const char c : text) {
    run = is_base64(c) ? run + 1 : 0;
    if (run + 8 >= crypto::kKeyTextSize) return true;
  }
  return false;
}

/// How many bytes the character at `at` takes if it can be shown as it is; 0: control characters, what is not UTF-8,
/// and what is not seen or changes the order of the rest (spaces of all kinds, marks of direction, private and
/// unassigned planes).
std::size_t visible_length(std::string_view text, std::size_t at) {
  const auto first = static_cast<std::uint8_t>(text[at]);
  if (first < 0x80) return first >= 0x20 && first != 0x7f ? 1 : 0;
  const auto length = utf8_length(text, at);
  if (length < 2) return 0;
  std::uint32_t code = first & (0x7fu >> length);
  for (std::size_t i = 1; i < length; ++i) code = code << 6 | (static_cast<std::uint8_t>(text[at + i]) & 0x3fu);
  static constexpr std::array<std::pair<std::uint32_t, std::uint32_t>, 13> kUnseen{{{0x80, 0xa0},
                                                                                    {0xad, 0xad},
                                                                                    {0x61c, 0x61c},
                                                                                    {0x115f, 0x1160},
                                                                                    {0x1680, 0x1680},
                                                                                    {0x180b, 0x180f},
                                                                                    {0x2000, 0x200f},
                                                                                    {0x2028, 0x202f},
                                                                                    {0x205f, 0x206f},
                                                                                    {0x3000, 0x3000},
                                                                                    {0xe000, 0xf8ff},
                                                                                    {0xfe00, 0xfe0f},
                                                                                    {0xfeff, 0xfeff}}};
  for (const auto& [from, to] : kUnseen) {
    if (code >= from && code <= to) return 0;
  }
  return code < 0xe0000 ? length : 0;
}

/// Lower case, without '_' and '-': how `PrivateKey` and `private_key` are the same word.
std::string folded(std::string_view word) {
  std::string result;
  for (const char c : word) {
    if (c == '_' || c == '-') continue;
    result += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return result;
}

/// Damerau-Levenshtein distance, no part of the word edited twice ("optimal string alignment").
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> d(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) d[i][0] = i;
  for (std::size_t j = 0; j <= b.size(); ++j) d[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = a[i - 1] == b[j - 1] ? 0 : 1;
      d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + change});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
    }
  }
  return d[a.size()][b.size()];
}

}  // namespace

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view space = " \t\r\v\f\n";
  const auto first = text.find_first_not_of(space);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(space) - first + 1);
}

std::string shown(std::string_view text) {
  if (may_hold_a_key(text)) return fmt::format("the text of {} characters", text.size());
  std::string result = "\"";
  std::size_t at = 0;
  while (at < text.size() && at < kLongest) {
    const auto length = visible_length(text, at);
    if (length > 0) {
      result += text.substr(at, length);
      at += length;
    } else {
      result += fmt::format("\\x{:02x}", static_cast<std::uint8_t>(text[at++]));
    }
  }
  return result + (at < text.size() ? "…\"" : "\"");
}

std::string alternatives(std::span<const std::string_view> words) {
  std::string result;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) result += i + 1 == words.size() ? " or " : ", ";
    result += words[i];
  }
  return result;
}

std::string choose(std::span<const std::string_view> words, std::optional<std::string_view> guess) {
  return fmt::format("choose {}{}", alternatives(words), guess ? fmt::format(" (did you mean {}?)", *guess) : "");
}

std::optional<std::string_view> closest(std::string_view wrong, std::span<const std::string_view> words) {
  const auto folded_wrong = folded(wrong.substr(0, kLongest));
  std::optional<std::string_view> best;
  // A third of the letters may be wrong; more and the guess would be a riddle of its own.
  auto best_distance = std::max<std::size_t>(1, folded_wrong.size() / 3) + 1;
  for (const auto word : words) {
    const auto folded_word = folded(word);
    const auto [shorter, longer] = std::minmax({folded_word.size(), folded_wrong.size()});
    if (longer - shorter >= best_distance) continue;  // it takes as many steps at the least
    const auto steps = distance(folded_wrong, folded_word);
    if (steps >= best_distance) continue;
    best = word;
    best_distance = steps;
  }
  return best;
}

}  // namespace adit::config
