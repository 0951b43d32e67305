// SPDX-License-Identifier: MIT
// Single values as wg-quick writes them, where they are written otherwise than in fields.h. The error is what follows
// the key in `Key: reason`.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/ip.h"
#include "base/result.h"
#include "config/cursor.h"

namespace adit::config {

using WgQuickValue = At<std::string_view>;

/// The words of a list, at commas and spaces, each with its own place.
std::vector<WgQuickValue> words_of(const WgQuickValue& line);

/// Whether wg-quick takes a word of `DNS` for an address, right or wrong, and not for a domain.
bool is_address_for_wg_quick(std::string_view word);

/// A number or `off`, which is 0.
Result<std::uint32_t> parse_fwmark(std::string_view text);
/// Likewise.
Result<std::uint32_t> parse_keepalive_seconds(std::string_view text);
Result<std::uint32_t> parse_mtu(std::string_view text);
/// Host bits are taken, and cleared, as wg does.
Result<IpNetwork> parse_allowed_ip(std::string_view text);

template <class Key>
bool is_all_zero(const Key& key) {
  return std::ranges::all_of(key.bytes(), [](std::uint8_t byte) { return byte == 0; });
}

}  // namespace adit::config
