// SPDX-License-Identifier: MIT
// YAML file → Config. Strict: an unknown or repeated key, a wrong type, a value out of range is a problem, and all
// problems of a file are found in one go. Key files are read along with it. The only user of yaml-cpp.
#pragma once

#include <expected>
#include <filesystem>
#include <string>
#include <vector>

#include "config/config.h"

namespace adit::config {

struct Problem {
  std::string file;
  int line = 0;    ///< from 1; 0: the file as a whole
  int column = 0;  ///< from 1
  std::string key; ///< "peer.endpoint", "routes[2].to"; empty: the file as a whole
  std::string reason;
};

/// `FILE:LINE:COL: key.path: reason`
std::string to_string(const Problem& problem);

struct ReadOptions {
  /// Where `*_credential` keys are looked up ($CREDENTIALS_DIRECTORY); empty: there are none.
  std::filesystem::path credentials_directory;
};

/// Problems come in the file's order. No problem text contains a secret.
std::expected<Config, std::vector<Problem>> read_config(const std::filesystem::path& file, const ReadOptions& options);

}  // namespace adit::config
