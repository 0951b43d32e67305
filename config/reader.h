// SPDX-License-Identifier: MIT
// YAML file → Config. Strict: an unknown or repeated key, a wrong type, a value out of range is a problem, and all
// problems of a file are found in one go. Key files are read along with it.
#pragma once

#include <expected>
#include <filesystem>
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
};

/// Problems come in the file's order; what is wise to mend but does no harm is in `Config::warnings`.
/// No problem text contains a secret.
std::expected<Config, std::vector<Problem>> read_config(const std::filesystem::path& file, const ReadOptions& options);

}  // namespace adit::config
