// SPDX-License-Identifier: MIT
#include "base/mac_address.h"

#include <fmt/core.h>

#include <charconv>

namespace adit {

std::optional<MacAddress> MacAddress::parse(std::string_view text) {
  MacAddress address;
  constexpr std::size_t kPair = 3;  // with the colon in front of the next
  if (text.size() != kPair * address.bytes.size() - 1) return std::nullopt;
  for (std::size_t i = 0; i < address.bytes.size(); ++i) {
    const auto* const at = text.data() + kPair * i;
    const auto [end, error] = std::from_chars(at, at + 2, address.bytes[i], 16);
    if (error != std::errc() || end != at + 2) return std::nullopt;
    if (i + 1 < address.bytes.size() && *end != ':') return std::nullopt;
  }
  return address;
}

std::string to_string(const MacAddress& address) {
  const auto& b = address.bytes;
  return fmt::format("{:02x}:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}", b[0], b[1], b[2], b[3], b[4], b[5]);
}

}  // namespace adit
