// SPDX-License-Identifier: MIT
// Every key a configuration file may have, in one table: what decides whether a key is known, what it is mistaken for,
// and what the JSON Schema must list. Knows no values.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace adit::config {

struct KnownKey {
  std::string_view path;  ///< "peer.endpoint", "routes[].to"
  bool supported = true;  ///< else named by the documentation, but not to be used yet
};

std::span<const KnownKey> known_keys();

/// The entry for a key at `path` ("routes[2].to"), or null.
const KnownKey* find_key(std::string_view path);

/// The names directly within `section` ("" is the top, "routes[2]" an element) that are supported if the section is.
std::vector<std::string_view> names_within(std::string_view section);

/// What to say of a key nobody knows: the nearest name in its section, or the section where that very name belongs.
std::string unknown_key_reason(std::string_view section, std::string_view name);

/// "peer" and "endpoint" give "peer.endpoint"; the top has the empty path.
std::string join(std::string_view section, std::string_view name);

}  // namespace adit::config
