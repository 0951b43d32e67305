// SPDX-License-Identifier: MIT
#include "config/shell_text.h"

#include <utility>

#include "config/wording.h"

namespace adit::config {
namespace {

constexpr std::string_view kSpace = " \t\r\v\f\n";

/// Walks over a line, one character or escape a step, and knows in which quotes it stands.
class Walker {
 public:
  explicit Walker(std::string_view text) : text_(text) {}

  bool at_end() const { return at_ >= text_.size(); }
  std::size_t at() const { return at_; }
  char character() const { return text_[at_]; }
  /// Outside of quotes, `$(…)` and `${…}`.
  bool is_bare() const { return open_.empty(); }
  bool begins_word() const { return at_ == 0 || (kSpace.contains(text_[at_ - 1]) || text_[at_ - 1] == ';'); }
  bool has_open_quote() const { return open_.find_first_of("'\"$`") != std::string::npos; }
  std::string_view rest() const { return text_.substr(at_); }

  void step();

 private:
  void step_in(char innermost);
  void enter(char quote, std::size_t length) {
    open_ += quote;
    at_ += length;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  /// What is open, the innermost last: ' " ` as written, $ for $'…', ) and } for what began with $.
  std::string open_;
};

void Walker::step() {
  const char innermost = open_.empty() ? '\0' : open_.back();
  if (innermost == '\'') {
    if (character() == '\'') open_.pop_back();
    ++at_;
    return;
  }
  if (character() == '\\') {
    at_ += 2;
    return;
  }
  step_in(innermost);
}

void Walker::step_in(char innermost) {
  const bool closes = innermost == '$' ? character() == '\'' : innermost != '\0' && character() == innermost;
  if (closes) {
    open_.pop_back();
    ++at_;
    return;
  }
  if (innermost == '$') {
    ++at_;
    return;
  }
  const bool is_process = innermost != '"' && (rest().starts_with("<(") || rest().starts_with(">("));
  if (rest().starts_with("$(") || is_process) {
    enter(')', 2);
  } else if (rest().starts_with("${")) {
    enter('}', 2);
  } else if (character() == '"' || character() == '`') {
    enter(character(), 1);
  } else if (innermost != '"' && rest().starts_with("$'")) {
    enter('$', 2);
  } else if (innermost != '"' && character() == '\'') {
    enter('\'', 1);
  } else if (innermost == ')' && character() == '(') {
    enter(')', 1);
  } else {
    ++at_;
  }
}

/// The separator at the start of `rest`, or nothing. An `&` of a redirection (`2>&1`, `&>`) is none.
std::string_view separator_at(std::string_view rest, char before) {
  for (const std::string_view each : {"&&", "||", ";", "|", "\n"}) {
    if (rest.starts_with(each)) return each;
  }
  if (rest.starts_with('&') && before != '>' && before != '<' && !rest.starts_with("&>")) return "&";
  return {};
}

}  // namespace

std::optional<std::size_t> comment_start(std::string_view text) {
  Walker walker(text);
  while (!walker.at_end()) {
    if (walker.is_bare() && walker.character() == '#' && walker.begins_word()) return walker.at();
    walker.step();
  }
  return walker.has_open_quote() ? std::nullopt : std::optional(text.size());
}

std::vector<ShellCommand> commands_of(std::string_view text) {
  std::vector<ShellCommand> commands;
  std::string_view separator;
  std::size_t start = 0;
  const auto finish = [&](std::size_t end) {
    const auto command = trimmed(text.substr(start, end - start));
    if (!command.empty()) commands.push_back({command, commands.empty() ? std::string_view() : separator});
  };
  Walker walker(text);
  while (!walker.at_end()) {
    const char before = walker.at() == 0 ? '\0' : text[walker.at() - 1];
    const auto found = walker.is_bare() ? separator_at(walker.rest(), before) : std::string_view();
    if (found.empty()) {
      walker.step();
      continue;
    }
    finish(walker.at());
    separator = found;
    for (std::size_t i = 0; i < found.size(); ++i) walker.step();
    start = walker.at();
  }
  finish(text.size());
  return commands;
}

std::vector<std::string> shell_words(std::string_view command) {
  std::vector<std::string> words;
  std::optional<std::string> word;
  Walker walker(command);
  while (!walker.at_end()) {
    const auto start = walker.at();
    const bool was_bare = walker.is_bare();
    walker.step();
    const auto piece = command.substr(start, walker.at() - start);
    if (was_bare && piece.size() == 1 && kSpace.contains(piece[0])) {
      if (word) words.push_back(std::move(*word));
      word.reset();
      continue;
    }
    if (!word) word.emplace();
    const bool is_quote = (was_bare && !walker.is_bare()) || (!was_bare && walker.is_bare());
    if (is_quote && (piece == "'" || piece == "\"")) continue;
    *word += piece.size() == 2 && piece[0] == '\\' ? piece.substr(1) : piece;
  }
  if (word) words.push_back(std::move(*word));
  return words;
}

}  // namespace adit::config
