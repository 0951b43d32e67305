// SPDX-License-Identifier: MIT
// The address of an Ethernet station (IEEE 802), as a value.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace adit {

struct MacAddress {
  std::array<std::uint8_t, 6> bytes{};

  /// Six pairs of hexadecimal digits, "02:1a:00:00:00:07".
  static std::optional<MacAddress> parse(std::string_view text);
  /// Of many stations: no station has such a one itself.
  bool is_group() const { return (bytes[0] & 1) != 0; }
  friend auto operator<=>(const MacAddress&, const MacAddress&) = default;
};

std::string to_string(const MacAddress& address);

}  // namespace adit
