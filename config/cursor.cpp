// SPDX-License-Identifier: MIT
#include "config/cursor.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "config/fields.h"
#include "config/keys.h"
#include "config/wording.h"
#include "config/yaml_mistakes.h"

namespace adit::config {
namespace {

/// A key that is longer or stranger than any of ours is not repeated as it stands.
std::string path_with(std::string_view section, std::string_view name) {
  const auto plain = [](char c) { return c > ' ' && c <= '~'; };
  const bool printable = !name.empty() && name.size() <= 32 && std::ranges::all_of(name, plain);
  return join(section, printable ? std::string(name) : shown(name));
}

/// What other readers of YAML (1.1 and 1.2 alike) make of a plain scalar that we would take for text.
std::optional<std::string_view> not_text(std::string_view plain) {
  static constexpr std::array<std::string_view, 6> kBooleans{"true", "True", "TRUE", "false", "False", "FALSE"};
  if (std::ranges::find(kBooleans, plain) != kBooleans.end()) return "a boolean";
  if (plain.starts_with("0x") && parse_number(plain)) return "a number";
  auto rest = plain;
  if (rest.starts_with('+') || rest.starts_with('-')) rest.remove_prefix(1);
  const bool numeric =
      !rest.empty() && (is_digit(rest[0]) || rest[0] == '.') && std::ranges::count(rest, '.') <= 1 &&
      std::ranges::any_of(rest, is_digit) &&
      std::ranges::all_of(rest, [](char c) { return is_digit(c) || c == '.' || c == 'e' || c == 'E'; });
  return numeric ? std::optional<std::string_view>("a number") : std::nullopt;
}

std::string_view describe(const Node& node) {
  switch (node.kind) {
    case Node::Kind::null:
      return "nothing";
    case Node::Kind::sequence:
      return "a list";
    case Node::Kind::mapping:
      return "a mapping";
    case Node::Kind::scalar:
    case Node::Kind::broken:
      break;
  }
  return "a single value";
}

/// `[[2001:db8::7]:51820]`: a list as the key of a mapping.
bool is_bracketed_address(const Node& node) {
  return node.kind == Node::Kind::mapping && node.entries.size() == 1 &&
         node.entries.front().key.kind == Node::Kind::sequence;
}

/// The key of a section that was written without a space behind its colon, so that all of it passes for a value.
std::optional<std::string_view> key_without_space(const Node& node, std::string_view section) {
  if (node.kind != Node::Kind::scalar || node.quoted) return std::nullopt;
  for (const auto name : names_within(section)) {
    if (lacks_space_behind_colon(node.text, name)) return name;
  }
  return std::nullopt;
}

}  // namespace

bool Cursor::expect(Node::Kind kind, std::string_view wanted) const {
  if (node_->kind == kind) return true;
  if (node_->kind == Node::Kind::null) {
    problem(fmt::format("has no value; write {}, or remove the key", wanted));
  } else if (is_bracketed_address(*node_)) {
    problem("brackets begin a list in YAML; put the address in quotes: \"[ADDR6]:PORT\"");
  } else if (const auto key = key_without_space(*node_, place_.key)) {
    problem(fmt::format("a space is missing behind the colon; write {}: …", *key));
  } else if (node_->kind != Node::Kind::broken) {
    problem(fmt::format("is {}; write {}", describe(*node_), wanted));
  }
  return false;
}

std::string Cursor::hint_of_lines() const {
  if (node_->quoted || !node_->text.contains(" - ")) return {};
  return " (the line below is indented otherwise than this one, and so is taken for the rest of it)";
}

std::optional<std::string_view> Cursor::only_key() const {
  if (node_->kind != Node::Kind::mapping || node_->entries.size() != 1) return std::nullopt;
  const auto& key = node_->entries.front().key;
  return key.kind == Node::Kind::scalar ? std::optional<std::string_view>(key.text) : std::nullopt;
}

std::optional<std::string_view> Cursor::word() const {
  if (!expect(Node::Kind::scalar, "a single value")) return std::nullopt;
  if (node_->text.empty()) {
    problem("is empty; write a value, or remove the key");
    return std::nullopt;
  }
  return node_->text;
}

std::optional<std::string_view> Cursor::text() const {
  const auto written = word();
  if (!written || node_->quoted) return written;
  if (const auto other = not_text(*written)) {
    problem(fmt::format("must be text, but without quotes this is {} to YAML; put it in quotes", *other));
    return std::nullopt;
  }
  return written;
}

std::optional<std::uint32_t> Cursor::number(std::uint32_t min, std::uint32_t max, std::string_view besides) const {
  const auto wanted = fmt::format("{}{}a whole number from {} to {}", besides, besides.empty() ? "" : " or ", min, max);
  if (!expect(Node::Kind::scalar, wanted)) return std::nullopt;
  const auto value = parse_number(node_->text);
  if (value && node_->quoted) {
    problem("must be a number, and in quotes it is text; remove the quotes");
  } else if (!value || *value < min || *value > max) {
    problem(fmt::format("{} is not {}", shown(node_->text), wanted));
  } else {
    return static_cast<std::uint32_t>(*value);
  }
  return std::nullopt;
}

std::optional<bool> Cursor::boolean() const {
  if (!expect(Node::Kind::scalar, "true or false")) return std::nullopt;
  if (!node_->quoted && node_->text == "true") return true;
  if (!node_->quoted && node_->text == "false") return false;
  problem(fmt::format("{} is not a boolean; write true or false, without quotes", shown(node_->text)));
  return std::nullopt;
}

std::optional<std::vector<Cursor>> Cursor::items(std::string_view example, std::size_t max) const {
  if (!expect(Node::Kind::sequence, fmt::format("a list, such as {}", example))) return std::nullopt;
  if (node_->items.size() > max) {
    problem(fmt::format("has {} elements, and {} is the limit", node_->items.size(), max));
    return std::nullopt;
  }
  std::vector<Cursor> cursors;
  cursors.reserve(node_->items.size());
  for (const auto& item : node_->items) {
    cursors.emplace_back(item, Place{item.line, item.column, fmt::format("{}[{}]", place_.key, cursors.size())},
                         *problems_);
  }
  return cursors;
}

std::optional<Section> Cursor::section() const {
  const auto names = names_within(place_.key);
  if (!expect(Node::Kind::mapping, fmt::format("a mapping with keys such as {}", alternatives(names))))
    return std::nullopt;
  return Section(*node_, place_, *problems_);
}

Section::Section(const Node& mapping, Place place, Problems& problems)
    : place_(std::move(place)), problems_(&problems) {
  for (const auto& [key, value] : mapping.entries) admit(key, value);
}

void Section::admit(const Node& key, const Node& value) {
  if (key.kind == Node::Kind::broken) return;
  Place place{key.line, key.column, place_.key};
  if (key.kind != Node::Kind::scalar) {
    problems_->add(place, "a key here is not text; write `key: value`");
    return;
  }
  place.key = path_with(place_.key, key.text);
  const bool known = is_known(join(place_.key, key.text));
  // A name with dots or brackets could otherwise pass for the path to another section's key.
  if (const auto colon = key.text.find(':');
      !known && colon != std::string::npos && is_known(join(place_.key, key.text.substr(0, colon)))) {
    problems_->add(place, fmt::format("a space is missing behind the colon; write {}: {}", key.text.substr(0, colon),
                                      shown(key.text.substr(colon + 1))));
    return;
  }
  if (!known || key.text.find_first_of(".[]") != std::string::npos) {
    problems_->add(place, unknown_key_reason(place_.key, key.text));
    return;
  }
  const auto same = std::ranges::find(values_, key.text, &Value::name);
  if (same != values_.end()) {
    problems_->add(place, fmt::format("is given twice, first in line {}; keep one", same->key_line));
    return;
  }
  // A value stands where it is written; for a key without one that is the key. A section stands at its key.
  const bool at_key = value.kind == Node::Kind::null || value.kind == Node::Kind::mapping;
  if (!at_key) place = {value.line, value.column, place.key};
  values_.push_back({key.text, key.line, Cursor(value, place, *problems_)});
}

std::optional<Cursor> Section::find(std::string_view name) const {
  const auto found = std::ranges::find(values_, name, &Value::name);
  return found == values_.end() ? std::nullopt : std::optional(found->cursor);
}

std::optional<Cursor> Section::require(std::string_view name, std::string_view hint) const {
  auto cursor = find(name);
  if (!cursor)
    problems_->add({place_.line, place_.column, join(place_.key, name)}, fmt::format("is missing; {}", hint));
  return cursor;
}

}  // namespace adit::config
