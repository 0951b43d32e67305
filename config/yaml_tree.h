// SPDX-License-Identifier: MIT
// YAML text → a tree of nodes that remember where they stand, with every repeated key still in it. Refuses what a
// configuration has no use for and an attacker might: anchors, aliases, tags, deep nesting, a second document.
// Knows nothing of keys. The only user of yaml-cpp.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/problem.h"

namespace adit::config {

struct Entry;

struct Node {
  enum class Kind : std::uint8_t {
    broken,    ///< already reported: nothing more is to be said about it
    null,      ///< `key:` with nothing behind it, or null
    scalar,    ///< `text`
    sequence,  ///< `items`
    mapping,   ///< `entries`
  };

  Kind kind = Kind::null;
  int line = 0;    ///< from 1
  int column = 0;  ///< from 1, in bytes
  std::string text;
  bool quoted = false;  ///< a scalar in quotes is text even if it looks like a number
  std::vector<Node> items;
  std::vector<Entry> entries;
};

struct Entry {
  Node key;
  Node value;
};

/// The root of the first document, or a broken node if there is none. Everything wrong goes to `problems`.
Node parse_yaml(std::string_view text, Problems& problems);

}  // namespace adit::config
