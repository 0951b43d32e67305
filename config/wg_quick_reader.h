// SPDX-License-Identifier: MIT
// A wg-quick file with one peer → Config. What the file means to wg-quick is kept; what Adit has no equal for is in
// `Config::warnings`, each with its line and what to do about it.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "config/problem.h"

namespace adit::config {

inline constexpr std::size_t kMaxWgQuickSize = 256 * 1024;

struct WgQuickSource {
  std::string file;       ///< as given, for problems
  std::string name;       ///< of the link: valid
  std::string interface;  ///< likewise
};

/// Problems come in the file's order. None of them, nor a warning, contains a secret.
std::expected<Config, std::vector<Problem>> read_wg_quick(std::string_view text, const WgQuickSource& source);

}  // namespace adit::config
