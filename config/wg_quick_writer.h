// SPDX-License-Identifier: MIT
// Config → the text of a wg-quick file, and what such a file cannot say. read_wg_quick makes the same Config of it
// again, but for that. The text holds secrets.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "config/problem.h"

namespace adit::config {

enum class WgQuickReader : std::uint8_t {
  wg_quick,
  app,  ///< of a phone: refuses a file with Table, FwMark or hooks
};

struct WgQuickOptions {
  std::string_view heading;  ///< comment lines for the top, without their '#'
  WgQuickReader reader = WgQuickReader::wg_quick;
  bool has_private_key = true;  ///< else a comment says where it goes
};

struct WgQuickText {
  std::string text;
  std::vector<Problem> left_out;  ///< by Adit's keys: what of the Config is not in the text, and what to do about it
};

WgQuickText to_wg_quick(const Config& config, const WgQuickOptions& options);

}  // namespace adit::config
