// SPDX-License-Identifier: MIT
// A wg-quick file, and one of its peers → Config. What the file means to wg-quick is kept; what Adit has no equal for
// is in `Config::warnings`, each with its line and what to do about it.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "config/problem.h"

namespace adit::config {

inline constexpr std::size_t kMaxWgQuickSize = 256 * 1024;

struct WgQuickSource {
  std::string file;                      ///< as given, for problems
  std::string name;                      ///< of the link: valid
  std::string interface;                 ///< likewise
  std::string wg_interface = {};         ///< its name to wg-quick, for %i in the names of files; empty: `interface`
  std::optional<std::size_t> peer = {};  ///< which one, from 1; none: the only one
  /// Other peers of the file become links on this host too: the addresses come without their subnets, so that each
  /// link routes its own peer's networks only; and hooks that do not name the interface are the first peer's.
  bool beside_others = false;
};

/// Problems come in the file's order. None of them, nor a warning, contains a secret. Keys in files are not read: the
/// Config names the files, and its keys are all zero.
std::expected<Config, std::vector<Problem>> read_wg_quick(std::string_view text, const WgQuickSource& source);

/// What each peer of the file is called there, in a comment; empty: nothing. There is one at least, and as many as
/// read_wg_quick knows. The error: why there are none.
std::expected<std::vector<std::string>, std::vector<Problem>> peer_names(std::string_view text,
                                                                         const std::string& file);

}  // namespace adit::config
