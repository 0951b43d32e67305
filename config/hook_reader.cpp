// SPDX-License-Identifier: MIT
// A list directly below `up` is one of hooks, never of words: two commands that somebody lists must not become one
// with an argument. Words are told from hooks by standing below `command`.
#include "config/hook_reader.h"

#include <fmt/core.h>

#include "config/fields.h"
#include "config/hook_advice.h"
#include "config/shell_text.h"

namespace adit::config {
namespace {

constexpr std::size_t kMaxWords = 256;
constexpr std::string_view kWordsExample = "[ip, rule, add, table, \"100\"]";
constexpr std::string_view kHooksExample =
    "[\"ip rule add table 100\", {command: /usr/local/sbin/announce, timeout: 30s}]";

bool can_be_passed_on(const Cursor& cursor, std::string_view written) {
  if (written.find('\0') == std::string_view::npos) return true;
  cursor.problem("holds a zero byte, which no program can be given; remove it");
  return false;
}

bool read_line(const Cursor& cursor, Hook& hook) {
  const auto line = cursor.text();
  if (!line || !can_be_passed_on(cursor, *line)) return false;
  if (cursor.is_plain() && !comment_start(*line)) {
    cursor.problem(
        "opens a quote and never closes it; if a '#' follows in the file, that begins a comment in YAML: put the "
        "whole command in quotes of the other kind");
    return false;
  }
  hook.shell = true;
  hook.words = {std::string(*line)};
  return true;
}

bool read_words(const Cursor& cursor, Hook& hook) {
  const auto items = cursor.items(kWordsExample, kMaxWords);
  if (!items) return false;
  if (items->empty()) cursor.problem(fmt::format("is an empty list; write some words, such as {}", kWordsExample));
  for (const auto& item : *items) {
    const auto word = item.text();
    if (!word || !can_be_passed_on(item, *word)) return false;
    hook.words.emplace_back(*word);
  }
  return !items->empty();
}

bool read_command(const Cursor& cursor, Hook& hook) {
  const bool read = cursor.kind() == Node::Kind::sequence ? read_words(cursor, hook) : read_line(cursor, hook);
  std::size_t size = 0;
  for (const auto& word : hook.words) size += word.size();
  if (!read || size <= kMaxHookText) return read;
  cursor.problem(
      fmt::format("has {} bytes, and {} is the limit; put it into a file and name that", size, kMaxHookText));
  return false;
}

bool read_mapping(const Cursor& cursor, Hook& hook) {
  const auto section = cursor.section();
  if (!section) return false;
  const auto command = section->require("command", "it is what to run: text for the shell, or a list of words");
  bool complete = command && read_command(*command, hook);
  if (const auto timeout = section->find("timeout")) {
    const auto value = timeout->parse_word(parse_hook_timeout);
    if (value) hook.timeout = value->value;
    complete &= value.has_value();
  }
  if (const auto required = section->find("required")) {
    const auto value = required->boolean();
    hook.required = value.value_or(false);
    complete &= value.has_value();
  }
  return complete;
}

/// A command without quotes that has ": " in it, so that what stands before it passes for a key.
bool is_torn(const Cursor& cursor) {
  const auto key = cursor.only_key();
  if (!key || !key->contains(' ')) return false;
  cursor.problem(
      "a colon with a space behind it stands within the command, which begins a mapping in YAML; put the whole "
      "command in single quotes, or in double ones if it has single ones");
  return true;
}

void read_hook(const Cursor& cursor, std::vector<Hook>& hooks) {
  if (is_torn(cursor)) return;
  Hook hook;
  const bool read = cursor.kind() == Node::Kind::scalar ? read_command(cursor, hook) : read_mapping(cursor, hook);
  if (!read) return;
  for (const auto& trouble : hook_troubles(hook)) {
    cursor.problems().warn(cursor.place(), fmt::format("{}{}", kHookTrouble, trouble));
  }
  hooks.push_back(std::move(hook));
}

void read_hooks_of(const Section& section, std::string_view event, std::vector<Hook>& hooks) {
  const auto cursor = section.find(event);
  if (!cursor) return;
  if (cursor->kind() != Node::Kind::sequence) {
    read_hook(*cursor, hooks);
    return;
  }
  const auto items = cursor->items(kHooksExample, kMaxHooks);
  if (!items) return;
  for (const auto& item : *items) read_hook(item, hooks);
}

}  // namespace

void read_hooks(const Section& section, const KeyContext& context, Hooks& hooks) {
  read_hooks_of(section, "up", hooks.up);
  read_hooks_of(section, "down", hooks.down);
  read_hooks_of(section, "state", hooks.state);
  // Or whoever can change the file could do all that the daemon can.
  if (hooks == Hooks() || context.only_owner_writes) return;
  section.problems().add(section.place(),
                         "would run with the daemon's rights, but group or others can change this file; run "
                         "`chmod go-w` on it");
}

}  // namespace adit::config
