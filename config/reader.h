// SPDX-License-Identifier: MIT
// YAML file → Config. Strict: an unknown or repeated key, a wrong type, a value out of range is a problem, and all
// problems of a file are found in one go. Key files are read along with it.
#pragma once

#include <expected>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "config/problem.h"

namespace adit::config {

struct ReadOptions {
  /// Where `*_credential` keys are looked up ($CREDENTIALS_DIRECTORY); empty: there are none.
  std::filesystem::path credentials_directory;
  /// The Config is not to be run: without a credentials directory, a credential that cannot be read is only a warning,
  /// and its key in the Config is all zero.
  bool check_only = false;
  /// The link's name; empty: the file's, without .yaml.
  std::string name = {};
};

/// Problems come in the file's order; what is wise to mend but does no harm is in `Config::warnings`.
/// No problem text contains a secret.
std::expected<Config, std::vector<Problem>> read_config(const std::filesystem::path& file, const ReadOptions& options);

/// The same of a text that stands in no file of its own, such as one that comes through a pipe. `name`: of the file, in
/// problems. Key files are looked for in the current folder.
std::expected<Config, std::vector<Problem>> read_config_text(std::string_view text, const std::string& name,
                                                             const ReadOptions& options);

/// Far more than any link needs, and little enough for a parser that is not known for its speed.
inline constexpr std::size_t kMaxFileSize = 1 << 20;

}  // namespace adit::config
