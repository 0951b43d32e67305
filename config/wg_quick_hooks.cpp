// SPDX-License-Identifier: MIT
// wg-quick's line has one of four forms, and each is one kind of hook:
//
//   ip link set %i up         a plain command, the same to bash, sh and Adit: text for the shell
//   sh -c 'a; b'              text for the shell
//   'ip' 'link' 'set'         a list of words
//   anything else             needs bash: the list [bash, -eo, pipefail, -c, the line]
//
// Behind each but the last, ` || true` says that the hook may fail.
#include "config/wg_quick_hooks.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

namespace adit::config {
namespace {

constexpr std::string_view kMayFail = " || true";
constexpr std::string_view kShell = "sh -c ";
constexpr std::string_view kPercent = "%i";
constexpr std::string_view kVariable = "$ADIT_INTERFACE";
constexpr std::string_view kBracedVariable = "${ADIT_INTERFACE}";
/// In our hands, the interface's name between wg-quick's way to write it and ours; no file can hold it.
constexpr std::string_view kMark = "\x01";
constexpr std::array<std::string_view, 4> kBash{"bash", "-eo", "pipefail", "-c"};

bool is_word_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

std::string replaced(std::string_view text, std::string_view what, std::string_view with) {
  std::string result;
  for (;;) {
    const auto at = text.find(what);
    result += text.substr(0, at);
    if (at == std::string_view::npos) return result;
    result += with;
    text.remove_prefix(at + what.size());
  }
}

std::string variable_to_mark(std::string_view text) {
  const auto unbraced = replaced(text, kBracedVariable, kMark);
  std::string result;
  for (std::string_view rest = unbraced; !rest.empty();) {
    const bool is_variable =
        rest.starts_with(kVariable) && (rest.size() == kVariable.size() || !is_word_character(rest[kVariable.size()]));
    result += is_variable ? kMark : rest.substr(0, 1);
    rest.remove_prefix(is_variable ? kVariable.size() : 1);
  }
  return result;
}

/// The name itself where the shell would perhaps not put in a variable's value.
std::string mark_to_variable(std::string_view text, std::string_view interface) {
  if (text.find_first_of("'\\`") != std::string_view::npos || text.find("$\x01") != std::string_view::npos ||
      text.find("<<") != std::string_view::npos) {
    return replaced(text, kMark, interface);
  }
  std::string result;
  for (;;) {
    const auto at = text.find(kMark);
    result += text.substr(0, at);
    if (at == std::string_view::npos) return result;
    text.remove_prefix(at + kMark.size());
    result += !text.empty() && is_word_character(text[0]) ? kBracedVariable : kVariable;
  }
}

bool is_plain_character(char c) {
  return is_word_character(c) || std::string_view("./:,@+-=").contains(c);
}

/// One simple command that means the same to every shell.
bool is_plain(std::string_view text) {
  static constexpr auto kDiffer = std::to_array<std::string_view>(
      {".",      "bind",    "builtin", "caller", "compgen", "complete", "coproc",    "declare", "dirs",
       "disown", "echo",    "enable",  "export", "fc",      "function", "help",      "let",     "local",
       "logout", "mapfile", "popd",    "printf", "pushd",   "read",     "readarray", "select",  "set",
       "shopt",  "source",  "suspend", "time",   "typeset", "ulimit"});
  const auto plain = [](char c) { return is_plain_character(c) || std::string_view(" %\x01").contains(c); };
  const auto command = text.substr(0, text.find(' '));
  return std::ranges::all_of(text, plain) && !command.empty() && !command.contains('=') &&
         std::ranges::find(kDiffer, command) == kDiffer.end();
}

/// In single quotes, with what a line cannot hold in bash's $'…'.
std::string in_quotes(std::string_view word) {
  std::string result = "'";
  for (; !word.empty(); word.remove_prefix(1)) {
    if (word[0] == '\'') {
      result += R"('\'')";
    } else if (word[0] == '#') {
      result += R"('$'\x23'')";
    } else if (word[0] == '\n') {
      result += R"('$'\n'')";
    } else if (word.starts_with(kPercent)) {
      result += "%''";  // and is then nobody's placeholder
    } else {
      result += word[0];
    }
  }
  return result + "'";
}

/// The word that `in_quotes` made into the start of `text`, which is taken away.
std::optional<std::string> take_quoted(std::string_view& text) {
  static constexpr std::array<std::pair<std::string_view, char>, 3> kEscapes{
      {{R"(\')", '\''}, {R"($'\x23')", '#'}, {R"($'\n')", '\n'}}};
  std::string word;
  while (!text.empty() && text[0] != ' ') {
    const auto* const escape =
        std::ranges::find_if(kEscapes, [&](const auto& known) { return text.starts_with(known.first); });
    if (escape != kEscapes.end()) {
      word += escape->second;
      text.remove_prefix(escape->first.size());
      continue;
    }
    const auto end = text[0] == '\'' ? text.find('\'', 1) : std::string_view::npos;
    if (end == std::string_view::npos) return std::nullopt;
    word += text.substr(1, end - 1);
    text.remove_prefix(end + 1);
  }
  return word;
}

/// Words in single quotes with a space between, and nothing else; nor empty ones, which a YAML file cannot hold.
std::optional<std::vector<std::string>> quoted_words(std::string_view text) {
  std::vector<std::string> words;
  for (;;) {
    if (!text.starts_with('\'')) return std::nullopt;
    auto word = take_quoted(text);
    if (!word || word->empty()) return std::nullopt;
    words.push_back(std::move(*word));
    if (text.empty()) return words;
    text.remove_prefix(1);
  }
}

/// The hook of a line that needs no bash.
std::optional<Hook> simple_hook(std::string_view text, std::string_view interface) {
  if (is_plain(text)) return Hook{{mark_to_variable(text, interface)}, true};
  if (text.starts_with(kShell)) {
    const auto words = quoted_words(text.substr(kShell.size()));
    if (words && words->size() == 1) return Hook{{mark_to_variable(words->front(), interface)}, true};
  }
  auto words = quoted_words(replaced(text, kMark, interface));
  if (words) return Hook{std::move(*words), false};
  return std::nullopt;
}

bool is_for_bash(const Hook& hook) {
  return !hook.shell && hook.words.size() == kBash.size() + 1 &&
         std::equal(kBash.begin(), kBash.end(), hook.words.begin());
}

/// What a hook does, whichever way the interface's name got into it; without its time limit.
Hook essence(Hook hook, std::string_view interface) {
  if (hook.shell || is_for_bash(hook)) {
    hook.words.back() = replaced(variable_to_mark(hook.words.back()), kMark, interface);
  }
  hook.timeout = kDefaultHookTimeout;
  return hook;
}

bool fits_a_line(std::string_view text) {
  constexpr std::string_view space = " \t\r\v\f";
  return !text.empty() && text.find_first_of("#\n") == std::string_view::npos && !space.contains(text.front()) &&
         !space.contains(text.back());
}

}  // namespace

Hook hook_from_wg_quick(std::string_view text, HookKind kind, std::string_view interface) {
  const auto marked = replaced(text, kPercent, kMark);
  if (kind == HookKind::up && marked.ends_with(kMayFail)) {
    const auto command = std::string_view(marked).substr(0, marked.size() - kMayFail.size());
    if (auto hook = simple_hook(command, interface)) return *hook;
  }
  auto hook = simple_hook(marked, interface);
  if (!hook) {
    hook = Hook{{kBash.begin(), kBash.end()}, false};
    hook->words.push_back(mark_to_variable(marked, interface));
  }
  hook->required = kind == HookKind::up;
  return *hook;
}

std::string hook_to_wg_quick(const Hook& hook, HookKind kind, std::string_view interface) {
  std::vector<std::string> forms;
  if (hook.shell || is_for_bash(hook)) forms.push_back(variable_to_mark(hook.words.back()));
  if (hook.shell) {
    forms.push_back(fmt::format("{}{}", kShell, in_quotes(variable_to_mark(hook.words.back()))));
  } else {
    std::string words;
    for (const auto& word : hook.words) words += fmt::format("{}{}", words.empty() ? "" : " ", in_quotes(word));
    forms.push_back(std::move(words));
  }
  for (auto& form : forms) {
    // A %i that is the hook's own shows as a difference below: only quotes keep it.
    form = replaced(form, kMark, kPercent);
    if (kind == HookKind::up && !hook.required) form += kMayFail;
    const bool is_the_same =
        fits_a_line(form) && essence(hook_from_wg_quick(form, kind, interface), interface) == essence(hook, interface);
    if (is_the_same) return form;
  }
  return forms.back();
}

std::string word_for_wg_quick(std::string_view word) {
  const bool is_plain_word = !word.empty() && std::ranges::all_of(word, is_plain_character);
  return is_plain_word ? std::string(word) : in_quotes(word);
}

std::optional<std::string> quoted_word_from_wg_quick(std::string_view text, std::string_view interface) {
  if (!text.starts_with('\'')) return std::nullopt;
  const auto expanded = replaced(text, kPercent, interface);
  auto words = quoted_words(expanded);
  if (!words || words->size() != 1) return std::nullopt;
  return std::move(words->front());
}

}  // namespace adit::config
