// SPDX-License-Identifier: MIT
#include "config/wg_quick_values.h"

#include <fmt/core.h>

#include "config/config.h"
#include "config/fields.h"
#include "config/wording.h"

namespace adit::config {
namespace {

/// A number, or the word that stands for 0.
Result<std::uint32_t> parse_number_or(std::string_view zero, std::string_view text, std::uint32_t max) {
  if (text == zero) return 0;
  const auto number = parse_number(text);
  if (!number || *number > max) return fail("{} is no number from 0 to {}, nor {}", shown(text), max, zero);
  return static_cast<std::uint32_t>(*number);
}

}  // namespace

std::vector<WgQuickValue> words_of(const WgQuickValue& line) {
  constexpr std::string_view separators = ", \t";
  std::vector<WgQuickValue> words;
  for (std::size_t at = 0; (at = line.value.find_first_not_of(separators, at)) != std::string_view::npos;) {
    const auto end = std::min(line.value.find_first_of(separators, at), line.value.size());
    words.push_back(
        {line.value.substr(at, end - at), {line.place.line, line.place.column + static_cast<int>(at), line.place.key}});
    at = end;
  }
  return words;
}

bool is_address_for_wg_quick(std::string_view word) {
  return word.contains(':') || word.find_first_not_of("0123456789.") == std::string_view::npos;
}

Result<std::uint32_t> parse_fwmark(std::string_view text) {
  return parse_number_or("off", text, UINT32_MAX);
}

Result<std::uint32_t> parse_keepalive_seconds(std::string_view text) {
  return parse_number_or("off", text, 65535);
}

Result<std::uint32_t> parse_mtu(std::string_view text) {
  const auto number = parse_number(text);
  if (number && *number >= kMinMtu && *number <= kMaxMtu) return static_cast<std::uint32_t>(*number);
  return fail("{} is not an MTU; write {} to {} bytes, or remove the line", shown(text), kMinMtu, kMaxMtu);
}

Result<IpNetwork> parse_allowed_ip(std::string_view text) {
  const auto network = IpNetwork::parse(text);
  return parse_subnet(network ? to_string(network->network()) : text);
}

}  // namespace adit::config
