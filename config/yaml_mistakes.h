// SPDX-License-Identifier: MIT
// What people do wrong in YAML, in their words: the parser says only where it gave up, and in its own. Looks at the
// lines around that place; knows the forms of our values (addresses in brackets, commands), and no keys.
#pragma once

#include <string>
#include <string_view>

#include "config/problem.h"

namespace adit::config {

/// What the parser refused in `text` at `place` with `message`, which is of yaml-cpp's.
struct YamlMistake {
  Place place;
  std::string reason;
};
YamlMistake explain_yaml(std::string_view text, const Place& place, std::string_view message);

/// Whether a plain value is really `key:value`, of one of `keys`, with the space behind the colon left out.
bool lacks_space_behind_colon(std::string_view value, std::string_view key);

}  // namespace adit::config
