// SPDX-License-Identifier: MIT
// Every key a configuration file may have, in one table: what decides whether a key is known, what it is mistaken for,
// and what the JSON Schema must list. Knows no values.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace adit::config {

/// "peer.endpoint", "routes[].to"
std::span<const std::string_view> known_keys();

/// `path`: "routes[2].to".
bool is_known(std::string_view path);

/// The names directly within `section` ("" is the top, "routes[2]" an element).
std::vector<std::string_view> names_within(std::string_view section);

/// What to say of a key nobody knows: the nearest name in its section, or the section where that very name belongs.
std::string unknown_key_reason(std::string_view section, std::string_view name);

/// "peer" and "endpoint" give "peer.endpoint"; the top has the empty path.
std::string join(std::string_view section, std::string_view name);

}  // namespace adit::config
