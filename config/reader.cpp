// SPDX-License-Identifier: MIT
#include "config/reader.h"

#include <fmt/core.h>

#include <string_view>

#include "config/fields.h"
#include "config/file_text.h"
#include "config/key_source.h"
#include "config/sections.h"
#include "config/validate.h"
#include "config/yaml_tree.h"

namespace adit::config {
namespace {

/// Far more than any link needs, and little enough for a parser that is not known for its speed.
constexpr std::size_t kMaxFileSize = 1 << 20;

constexpr std::string_view kExtension = ".yaml";

/// The link's name, from the file's.
std::string read_name(const std::filesystem::path& file, Problems& problems) {
  const auto base = file.filename().string();
  if (!base.ends_with(kExtension)) {
    problems.add({}, fmt::format("is not named NAME{}; the link gets its NAME from there", kExtension));
    return {};
  }
  auto name = base.substr(0, base.size() - kExtension.size());
  if (const auto valid = check_name(name); !valid) {
    problems.add({}, fmt::format("must be renamed: {}", valid.error().message));
    return {};
  }
  return name;
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

}  // namespace

std::expected<Config, std::vector<Problem>> read_config(const std::filesystem::path& file, const ReadOptions& options) {
  Problems problems(file.string());
  Draft draft;
  draft.config.file = file.string();
  draft.config.name = read_name(file, problems);
  const auto content = read_small_file(file, kMaxFileSize);
  if (!content) {
    problems.add({}, content.error().message);
  } else if (check_text(content->text, problems)) {
    const KeyContext context{file.parent_path(), options.credentials_directory, !content->others_can_read(),
                             !content->others_can_write(), options.check_only};
    read_tree(parse_yaml(content->text, problems), context, draft, problems);
  }
  if (!problems.empty()) return std::unexpected(problems.take_errors());
  auto config = assemble(std::move(draft));
  config.warnings = problems.take_warnings();
  return config;
}

}  // namespace adit::config
