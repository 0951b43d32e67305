// SPDX-License-Identifier: MIT
#include "config/yaml_mistakes.h"

#include <fmt/core.h>
#include <yaml-cpp/exceptions.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>
#include <vector>

#include "config/wording.h"

namespace adit::config {
namespace {

struct Line {
  int number = 0;  ///< from 1
  std::string_view text;

  std::size_t indentation() const { return std::min(text.find_first_not_of(' '), text.size()); }
  std::string_view content() const { return text.substr(indentation()); }
  Place place(std::size_t column) const { return {number, static_cast<int>(column) + 1, {}}; }
};

/// Those with something in them.
std::vector<Line> lines_of(std::string_view text) {
  std::vector<Line> lines;
  for (int number = 1; !text.empty(); ++number) {
    const auto end = std::min(text.find('\n'), text.size());
    auto line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    line = line.substr(0, line.find_last_not_of(" \t\r") + 1);
    const auto first = line.find_first_not_of(' ');
    if (first != std::string_view::npos && line[first] != '#') lines.push_back({number, line});
  }
  return lines;
}

bool is_key_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_' || c == '-';
}

/// The end of the key that begins at `at`, which is its colon; nothing if there is none.
std::optional<std::size_t> colon_of_key(std::string_view line, std::size_t at) {
  const auto start = at;
  while (at < line.size() && is_key_character(line[at])) ++at;
  return at > start && at < line.size() && line[at] == ':' ? std::optional(at) : std::nullopt;
}

/// "[2001:db8::7]:51820" outside of quotes: where it starts, and how long it is.
std::optional<std::pair<std::size_t, std::size_t>> address_in_brackets(std::string_view line) {
  char quote = '\0';
  for (std::size_t at = 0; at < line.size(); ++at) {
    if (quote != '\0') {
      if (line[at] == quote) quote = '\0';
      continue;
    }
    if (line[at] == '"' || line[at] == '\'') quote = line[at];
    if (line[at] == '#' && at > 0 && line[at - 1] == ' ') return std::nullopt;
    if (line[at] != '[') continue;
    const auto end = line.find(']', at);
    if (end == std::string_view::npos) return std::nullopt;
    const auto inside = line.substr(at + 1, end - at - 1);
    const bool is_address = inside.contains(':') && inside.find_first_of(" ,[") == std::string_view::npos;
    auto stop = end + 1;
    if (stop < line.size() && line[stop] == ':') ++stop;
    const bool has_port = stop > end + 1 && stop < line.size() && is_digit(line[stop]);
    while (stop < line.size() && is_digit(line[stop])) ++stop;
    if (is_address && has_port) return std::pair(at, stop - at);
  }
  return std::nullopt;
}

std::optional<YamlMistake> bracketed_address(const Line& line) {
  const auto found = address_in_brackets(line.text);
  if (!found) return std::nullopt;
  return YamlMistake{line.place(found->first),
                     fmt::format("brackets begin a list in YAML; put the address in quotes: \"{}\"",
                                 line.text.substr(found->first, found->second))};
}

/// `key:value`
std::optional<YamlMistake> missing_space(const Line& line) {
  auto start = line.indentation();
  if (line.text.substr(start).starts_with("- ")) start += 2;
  const auto colon = colon_of_key(line.text, start);
  if (!colon || *colon + 1 >= line.text.size() || line.text[*colon + 1] == ' ') return std::nullopt;
  return YamlMistake{line.place(*colon),
                     fmt::format("a space is missing behind the colon; write {}: {}",
                                 line.text.substr(start, *colon - start), shown(line.text.substr(*colon + 1)))};
}

/// `key: value: more`
std::optional<YamlMistake> colon_in_value(const Line& line) {
  auto start = line.indentation();
  if (line.text.substr(start).starts_with("- ")) start += 2;
  auto colon = colon_of_key(line.text, start);
  const auto value = colon ? line.text.find_first_not_of(' ', *colon + 1) : start;
  if (value >= line.text.size() || std::string_view("\"'[{|>#").contains(line.text[value])) return std::nullopt;
  const auto second = line.text.find(": ", value);
  const bool at_end = line.text.ends_with(':') && line.text.size() > value;
  if (second == std::string_view::npos && !at_end) return std::nullopt;
  const auto at = second == std::string_view::npos ? line.text.size() - 1 : second;
  return YamlMistake{
      line.place(at),
      "a colon with a space behind it stands within the value, which begins another key in YAML; remove the space if "
      "there is to be none, or put the whole value in quotes of the kind it does not contain"};
}

/// Deeper than its neighbour above, though that is complete; or less deep, and as deep as none above.
std::optional<YamlMistake> indentation(const std::vector<Line>& lines, std::size_t at) {
  if (at == 0 || at >= lines.size()) return std::nullopt;
  const auto& line = lines[at];
  const auto& above = lines[at - 1];
  const auto deep = line.indentation();
  const auto opens = above.text.ends_with(':') || above.text.ends_with('|') || above.text.ends_with('>') ||
                     above.text.ends_with('-') || above.text.ends_with(',') || above.text.ends_with('[');
  const auto reason = [&](const Line& other) {
    return YamlMistake{line.place(deep),
                       fmt::format("is indented otherwise than line {}; give both as many spaces before "
                                   "them, or put line {} below a key of its own",
                                   other.number, line.number)};
  };
  // What follows "- " is as deep as its own first character.
  const auto inside = above.content().starts_with("- ") ? above.indentation() + 2 : above.indentation();
  if (deep > above.indentation() && deep != inside && !opens) return reason(above);
  if (deep >= above.indentation()) return std::nullopt;
  for (std::size_t i = at; i-- > 0;) {
    const auto other = lines[i].indentation();
    const auto item = lines[i].content().starts_with("- ") ? other + 2 : other;
    if (other == deep || item == deep) return std::nullopt;
    if (other < deep) return reason(above);
  }
  return std::nullopt;
}

/// A value that begins with a character that means something else to YAML.
std::optional<YamlMistake> reserved_start(const Line& line) {
  auto start = line.indentation();
  if (line.text.substr(start).starts_with("- ")) start += 2;
  const auto colon = colon_of_key(line.text, start);
  const auto value = line.text.find_first_not_of(' ', colon ? *colon + 1 : start);
  if (value == std::string_view::npos) return std::nullopt;
  if (!std::string_view("*&!%@`,]}").contains(line.text[value])) return std::nullopt;
  return YamlMistake{line.place(value),
                     fmt::format("a value that begins with {} means something else in YAML; put it in "
                                 "single quotes",
                                 line.text[value])};
}

using Message = std::pair<std::string_view, std::string_view>;
constexpr std::string_view kDirective =
    "a line that begins with % is a directive of YAML's; remove it, or put the value in quotes";
/// Whose cause the parser knows better than the lines tell.
const auto kCertain = std::to_array<std::string_view>(
    {YAML::ErrorMsg::YAML_DIRECTIVE_ARGS, YAML::ErrorMsg::YAML_VERSION, YAML::ErrorMsg::YAML_MAJOR_VERSION,
     YAML::ErrorMsg::REPEATED_YAML_DIRECTIVE, YAML::ErrorMsg::TAG_DIRECTIVE_ARGS,
     YAML::ErrorMsg::REPEATED_TAG_DIRECTIVE, YAML::ErrorMsg::INVALID_HEX, YAML::ErrorMsg::INVALID_UNICODE,
     YAML::ErrorMsg::INVALID_ESCAPE, YAML::ErrorMsg::DOC_IN_SCALAR, YAML::ErrorMsg::EOF_IN_SCALAR,
     YAML::ErrorMsg::ZERO_INDENT_IN_BLOCK, YAML::ErrorMsg::CHAR_IN_BLOCK});
constexpr std::string_view kUnfitting =
    "does not fit what stands above it; give keys of one section as many spaces before them, and put values with "
    "brackets, colons or stars in quotes";
constexpr std::string_view kStar =
    "a value that begins with * or & means something else in YAML (an alias or an anchor); put it in quotes";
constexpr std::string_view kTag = "a value that begins with ! is a tag to YAML; put it in quotes";
/// What to say where the lines show none of the usual mistakes.
const auto kMessages = std::to_array<Message>({
    {YAML::ErrorMsg::YAML_DIRECTIVE_ARGS, kDirective},
    {YAML::ErrorMsg::YAML_VERSION, kDirective},
    {YAML::ErrorMsg::YAML_MAJOR_VERSION, kDirective},
    {YAML::ErrorMsg::REPEATED_YAML_DIRECTIVE, kDirective},
    {YAML::ErrorMsg::TAG_DIRECTIVE_ARGS, kDirective},
    {YAML::ErrorMsg::REPEATED_TAG_DIRECTIVE, kDirective},
    {YAML::ErrorMsg::CHAR_IN_TAG_HANDLE, kTag},
    {YAML::ErrorMsg::TAG_WITH_NO_SUFFIX, kTag},
    {YAML::ErrorMsg::END_OF_VERBATIM_TAG, kTag},
    {YAML::ErrorMsg::MULTIPLE_TAGS, kTag},
    {YAML::ErrorMsg::MULTIPLE_ANCHORS, kStar},
    {YAML::ErrorMsg::MULTIPLE_ALIASES, kStar},
    {YAML::ErrorMsg::ALIAS_CONTENT, kStar},
    {YAML::ErrorMsg::ALIAS_NOT_FOUND, kStar},
    {YAML::ErrorMsg::ANCHOR_NOT_FOUND, kStar},
    {YAML::ErrorMsg::CHAR_IN_ALIAS, kStar},
    {YAML::ErrorMsg::CHAR_IN_ANCHOR, kStar},
    {YAML::ErrorMsg::UNKNOWN_ANCHOR, kStar},
    {YAML::ErrorMsg::END_OF_MAP, kUnfitting},
    {YAML::ErrorMsg::END_OF_SEQ, "does not fit the list above it; begin each element with `- `, as deep as the first"},
    {YAML::ErrorMsg::END_OF_MAP_FLOW,
     "the brace { that opens here is never closed; close it with }, or put the value in quotes"},
    {YAML::ErrorMsg::END_OF_SEQ_FLOW,
     "the bracket [ that opens here is never closed; close it with ], or put the value in quotes"},
    {YAML::ErrorMsg::FLOW_END, "a bracket closes here that none has opened; remove it, or put the value in quotes"},
    {YAML::ErrorMsg::BLOCK_ENTRY, "a list's `- ` cannot stand here; put it into a line of its own below its key"},
    {YAML::ErrorMsg::MAP_KEY, "a key cannot stand here; put it into a line of its own"},
    {YAML::ErrorMsg::MAP_VALUE, kUnfitting},
    {YAML::ErrorMsg::INVALID_HEX,
     "\\x, \\u and \\U in double quotes want hexadecimal digits; use single quotes, where \\ is a \\"},
    {YAML::ErrorMsg::INVALID_UNICODE, "\\u in double quotes names no character; use single quotes, where \\ is a \\"},
    {YAML::ErrorMsg::INVALID_ESCAPE,
     "\\ in double quotes wants to be doubled: \\\\; or use single quotes, where \\ is a \\"},
    {YAML::ErrorMsg::UNKNOWN_TOKEN, "a character that means nothing here; put the value in quotes"},
    {YAML::ErrorMsg::DOC_IN_SCALAR, "--- or ... within quotes begins or ends a document; indent the line"},
    {YAML::ErrorMsg::EOF_IN_SCALAR, "the file ends within quotes; close them"},
    {YAML::ErrorMsg::CHAR_IN_SCALAR,
     "a character here cannot stand in a value without quotes; put the value in quotes"},
    {YAML::ErrorMsg::TAB_IN_INDENTATION, "is indented with a tab, which YAML does not allow; use spaces"},
    {YAML::ErrorMsg::ZERO_INDENT_IN_BLOCK, "| and > take no 0 behind them; leave it out"},
    {YAML::ErrorMsg::CHAR_IN_BLOCK, "behind | or > nothing may follow in the line; begin the text in the next one"},
});

}  // namespace

YamlMistake explain_yaml(std::string_view text, const Place& place, std::string_view message) {
  const auto* const known =
      std::ranges::find_if(kMessages, [&](const Message& each) { return message.starts_with(each.first); });
  const auto is_certain =
      std::ranges::any_of(kCertain, [&](std::string_view each) { return message.starts_with(each); });
  if (is_certain && known != kMessages.end()) return {place, std::string(known->second)};
  const auto lines = lines_of(text);
  auto here = std::ranges::find_if(lines, [&](const Line& line) { return line.number >= place.line; });
  if (here == lines.end() && !lines.empty()) --here;
  const auto at = static_cast<std::size_t>(here - lines.begin());
  // The parser notices some mistakes only in the line that follows.
  for (std::size_t back = 0; back <= std::min<std::size_t>(at, 1) && at < lines.size(); ++back) {
    const auto& line = lines[at - back];
    if (auto found = bracketed_address(line)) return *found;
    if (auto found = missing_space(line)) return *found;
  }
  if (at < lines.size()) {
    if (auto found = reserved_start(lines[at])) return *found;
    if (auto found = indentation(lines, at)) return *found;
    if (auto found = colon_in_value(lines[at])) return *found;
    if (auto found = indentation(lines, at + 1)) return *found;
  }
  if (known != kMessages.end()) return {place, std::string(known->second)};
  return {place, fmt::format("is not valid YAML: {}", message)};
}

bool lacks_space_behind_colon(std::string_view value, std::string_view key) {
  return value.size() > key.size() + 1 && value.starts_with(key) && value[key.size()] == ':' &&
         value[key.size() + 1] != ' ';
}

}  // namespace adit::config
