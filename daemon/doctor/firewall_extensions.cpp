// SPDX-License-Identifier: MIT
// A rule is found in the listing by its family, its table and its handle. A phrase is taken only where the line has it
// once, so that nobody can mean another.
#include "doctor/firewall_extensions.h"

#include <algorithm>
#include <array>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace adit::doctor {
namespace {

using nlohmann::json;
using Words = std::vector<std::string_view>;
/// By family, table and handle.
using Listed = std::map<std::array<std::string, 3>, Words>;

/// Targets that decide nothing.
constexpr std::array kHarmlessTargets{"LOG",  "NFLOG", "MARK", "CONNMARK", "CT",       "TCPMSS", "CLASSIFY",
                                      "DSCP", "TOS",   "TTL",  "HL",       "CHECKSUM", "TRACE"};

Words words_of(std::string_view text, std::string_view between) {
  Words words;
  while (true) {
    const auto begin = text.find_first_not_of(between);
    if (begin == std::string_view::npos) return words;
    text.remove_prefix(begin);
    const auto end = std::min(text.find_first_of(between), text.size());
    words.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
}

Listed listed(std::string_view listing) {
  Listed found;
  std::string family;
  std::string table;
  for (const auto line : words_of(listing, "\n")) {
    auto words = words_of(line, " \t");
    if (words.size() >= 3 && words[0] == "table") {
      family = words[1];
      table = words[2];
    } else if (words.size() >= 3 && words[words.size() - 2] == "handle" && words[words.size() - 3] == "#") {
      const std::string handle(words.back());
      // What a person wrote there are not the rule's own words.
      words.erase(std::ranges::find(words, std::string_view("comment")), words.end());
      found[{family, table, handle}] = std::move(words);
    }
  }
  return found;
}

/// A value as it stands in JSON: `a`, `a,b`, or `{ a, b }`; ports may be ranges.
std::optional<json> values(Words::const_iterator word, Words::const_iterator end) {
  if (word == end) return std::nullopt;
  auto last = std::next(word);
  if (*word == "{") {
    last = std::find(word, end, "}");
    if (last == end) return std::nullopt;
    ++word;
  }
  auto list = json::array();
  for (; word != last; ++word) {
    for (const auto value : words_of(*word, ",")) {
      const auto dash = value.find('-');
      const bool range =
          dash != std::string_view::npos && value.find_first_not_of("0123456789-") == std::string_view::npos;
      if (range) {
        list.push_back({{"range", {value.substr(0, dash), value.substr(dash + 1)}}});
      } else {
        list.push_back(value);
      }
    }
  }
  return list;
}

/// What follows `key` in a rule's line: whether it is negated, and with what it is compared.
std::optional<json> match_after(const Words& line, Words::const_iterator key, json left) {
  auto word = std::next(key);
  const bool negated = word != line.end() && (*word == "!=" || *word == "!");
  if (negated) ++word;
  auto right = values(word, line.end());
  if (!right) return std::nullopt;
  return json{{"match", {{"op", negated ? "!=" : "=="}, {"left", std::move(left)}, {"right", std::move(*right)}}}};
}

std::optional<json> spelled_match(const std::string& name, const Words& line) {
  const auto once = [&](std::string_view word) {
    return std::ranges::count(line, word) == 1 ? std::ranges::find(line, word) : line.end();
  };
  if (name == "comment") return json{{"counter", nullptr}};
  if (name == "conntrack" || name == "state") {
    if (once("ct") == line.end()) return std::nullopt;
    for (const auto* const key : {"state", "status"}) {
      const auto word = once(key);
      if (word != line.end() && word != line.begin() && *std::prev(word) == "ct")
        return match_after(line, word, {{"ct", {{"key", key}}}});
    }
  }
  if (name == "addrtype") {
    const auto word = once("fib");
    if (word == line.end() || line.end() - word < 4 || *std::next(word, 2) != "type") return std::nullopt;
    const auto flags = json::array({*std::next(word)});
    return match_after(line, std::next(word, 2), {{"fib", {{"result", "type"}, {"flags", flags}}}});
  }
  if (name == "multiport") {
    for (const auto* const field : {"sport", "dport"}) {
      if (once("sport") != line.end() && once("dport") != line.end()) return std::nullopt;
      const auto word = once(field);
      if (word == line.end() || word == line.begin()) continue;
      return match_after(line, word, {{"payload", {{"protocol", *std::prev(word)}, {"field", field}}}});
    }
  }
  return std::nullopt;
}

/// Statements are objects with one member, which says what they are.
std::optional<json> spelled(const json& extension, const Words& line) {
  const auto name = extension.value("name", "");
  if (extension.value("type", "") == "match") return spelled_match(name, line);
  if (name == "REJECT") return json{{"reject", nullptr}};
  if (std::ranges::find(kHarmlessTargets, name) != kHarmlessTargets.end()) return json{{"log", nullptr}};
  return std::nullopt;
}

bool is_only_named(const json& statement) {
  return statement.contains("xt") && statement.at("xt").is_object();
}

}  // namespace

bool has_extensions(const json& ruleset) {
  return std::ranges::any_of(ruleset.at("nftables"), [](const json& object) {
    return object.contains("rule") && std::ranges::any_of(object.at("rule").at("expr"), is_only_named);
  });
}

void spell_out_extensions(json& ruleset, std::string_view listing) {
  const auto lines = listed(listing);
  for (auto& object : ruleset.at("nftables")) {
    if (!object.contains("rule")) continue;
    auto& rule = object.at("rule");
    const auto line =
        lines.find({rule.value("family", ""), rule.value("table", ""), std::to_string(rule.value("handle", 0))});
    for (auto& statement : rule.at("expr")) {
      if (!is_only_named(statement)) continue;
      if (auto words = spelled(statement.at("xt"), line == lines.end() ? Words() : line->second)) {
        statement = std::move(*words);
      }
    }
  }
}

}  // namespace adit::doctor
