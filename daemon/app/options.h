// SPDX-License-Identifier: MIT
// What `aditd` is called with. Reads words, does nothing.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace adit::app {

struct Options {
  std::string file;         ///< the configuration; empty: there is none
  std::string key_log;      ///< a file that gets the link's keys; empty: none does
  std::string interface;    ///< its name, where `wg` sets the link up
  std::string user;         ///< whom root becomes; empty: the usual one, where there is one
  bool background = false;  ///< leave when the link can be set up, and go on as another process
  bool help = false;
  bool version = false;
};

/// `words`: without the program's name. `called_by_wg_quick`: $WG_QUICK_USERSPACE_IMPLEMENTATION is set; wg-quick gives
/// the program of that name a single word, the interface, and waits until it returns. The error is a sentence.
Result<Options> parse_options(std::span<const char* const> words, bool called_by_wg_quick);

extern const std::string_view kUsage;

}  // namespace adit::app
