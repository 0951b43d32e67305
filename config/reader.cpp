// SPDX-License-Identifier: MIT
#include "config/reader.h"

#include <fmt/core.h>

#include <algorithm>
#include <string_view>

#include "config/fields.h"
#include "config/file_text.h"
#include "config/key_source.h"
#include "config/sections.h"
#include "config/validate.h"
#include "config/yaml_tree.h"

namespace adit::config {
namespace {

constexpr std::string_view kExtension = ".yaml";

/// The link's name, from the file's unless it is given.
std::string read_name(const std::filesystem::path& file, const std::string& given, Problems& problems) {
  if (!given.empty()) {
    const auto valid = check_name(given);
    if (!valid) problems.add({}, valid.error().message);
    return valid ? given : std::string();
  }
  const auto base = file.filename().string();
  if (!base.ends_with(kExtension)) {
    problems.add({}, fmt::format("is not named NAME{}; the link gets its NAME from there", kExtension));
    return {};
  }
  auto name = base.substr(0, base.size() - kExtension.size());
  if (const auto valid = check_name(name); !valid) {
    problems.add({}, fmt::format("must be renamed: {} (adit check --name NAME checks it as if it were named NAME{})",
                                 valid.error().message, kExtension));
    return {};
  }
  return name;
}

/// Whether its first line is a section of wg-quick's.
bool is_wg_quick(std::string_view text) {
  while (!text.empty()) {
    const auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    const auto first = line.find_first_not_of(" \t\r\xef\xbb\xbf");
    if (first == std::string_view::npos || line[first] == '#') continue;
    const auto rest = line.substr(first);
    return rest.starts_with("[Interface]") || rest.starts_with("[Peer]") || rest.starts_with("[interface]") ||
           rest.starts_with("[peer]");
  }
  return false;
}

void read_tree(const Node& tree, const KeyContext& context, Draft& draft, Problems& problems) {
  if (tree.kind == Node::Kind::broken) return;
  if (tree.kind == Node::Kind::null) {
    problems.add({1, 1, {}}, "is empty; docs/configuration.md shows what belongs in it");
    return;
  }
  if (tree.kind != Node::Kind::mapping) {
    problems.add({tree.line, tree.column, {}},
                 "must consist of sections: interface, local, peer, routes, log, tuning, hooks, dns");
    return;
  }
  const Section root(tree, {tree.line, tree.column, {}}, problems);
  read_sections(root, context, draft);
  validate(draft, problems);
}

std::expected<Config, std::vector<Problem>> finish(Draft draft, Problems& problems) {
  if (!problems.empty()) return std::unexpected(problems.take_errors());
  auto config = assemble(std::move(draft));
  config.warnings = problems.take_warnings();
  return config;
}

void read_text(std::string_view text, const KeyContext& context, Draft& draft, Problems& problems) {
  if (check_text(text, problems)) read_tree(parse_yaml(text, problems), context, draft, problems);
}

}  // namespace

std::expected<Config, std::vector<Problem>> read_config(const std::filesystem::path& file, const ReadOptions& options) {
  Problems problems(file.string());
  Draft draft;
  draft.config.file = file.string();
  const auto content = read_small_file(file, kMaxFileSize);
  if (content && is_wg_quick(content->text)) {
    problems.add({}, fmt::format("is a wg-quick file; make Adit's of it with: adit import {}", file.string()));
    return std::unexpected(problems.take_errors());
  }
  draft.config.name = read_name(file, options.name, problems);
  if (!content) {
    problems.add({}, content.error().message);
  } else {
    const KeyContext context{file.parent_path(), options.credentials_directory, !content->others_can_read(),
                             !content->others_can_write(), options.check_only};
    read_text(content->text, context, draft, problems);
  }
  return finish(std::move(draft), problems);
}

std::expected<Config, std::vector<Problem>> read_config_text(std::string_view text, const std::string& name,
                                                             const ReadOptions& options) {
  Problems problems(name);
  Draft draft;
  draft.config.file = name;
  draft.config.name = read_name(name, options.name, problems);
  if (is_wg_quick(text)) {
    problems.add({}, "is a wg-quick file; make Adit's of it with: adit import FILE");
  } else {
    read_text(text, {".", options.credentials_directory, true, true, options.check_only}, draft, problems);
  }
  return finish(std::move(draft), problems);
}

}  // namespace adit::config
