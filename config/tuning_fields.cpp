// SPDX-License-Identifier: MIT
// The values of fields.h that tune the data path: which library, which offloads, how much room.
#include <algorithm>
#include <array>
#include <span>
#include <vector>

#include "config/fields.h"
#include "config/wording.h"
#include "crypto/backends.h"

namespace adit::config {
namespace {

/// What people write for a switch elsewhere. A file says on and off in one way only, so this is for the hint alone.
std::optional<std::string_view> meant_switch(std::string_view text, std::span<const std::string_view> words) {
  static constexpr std::array<std::string_view, 4> kOn{"true", "yes", "y", "1"};
  static constexpr std::array<std::string_view, 4> kOff{"false", "no", "n", "0"};
  std::string lower;
  for (const char c : text.substr(0, 8)) lower += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  if (std::ranges::find(kOn, lower) != kOn.end()) return "on";
  if (std::ranges::find(kOff, lower) != kOff.end()) return "off";
  return closest(text, words);
}

struct Size {
  std::string_view digits;
  unsigned shift = 0;  ///< the unit is two to the power of this
};

/// "4M" and "4MiB" are the same; "4MB" is neither, since half of the world takes it for 4,000,000.
Size split_unit(std::string_view text) {
  auto rest = text;
  if (rest.ends_with("iB")) rest.remove_suffix(2);
  const auto place = rest.empty() ? std::string_view::npos : std::string_view("KMG").find(rest.back());
  if (place == std::string_view::npos) return {text};
  rest.remove_suffix(1);
  return {rest, 10 * (static_cast<unsigned>(place) + 1)};
}

}  // namespace

Result<std::string> parse_crypto(std::string_view text) {
  std::vector<std::string_view> names{"auto"};
  for (const auto name : crypto::backend_names()) names.push_back(name);
  if (std::ranges::find(names, text) != names.end()) return std::string(text);
  return fail("{} is not a crypto library; {}", shown(text), choose(names, closest(text, names)));
}

Result<Switch> parse_switch(std::string_view text) {
  static constexpr std::array<std::string_view, 3> kWords{"auto", "off", "on"};
  const auto* const found = std::ranges::find(kWords, text);
  if (found != kWords.end()) return static_cast<Switch>(found - kWords.begin());
  return fail("{} is not a switch; {}", shown(text), choose(kWords, meant_switch(text, kWords)));
}

Result<MssClamp> parse_mss_clamp(std::string_view text) {
  if (text == "auto") return MssClamp();
  if (text == "off") return MssClamp{.on = false};
  const auto number = parse_number(text);
  if (!number) {
    return fail("{} is no segment size; write auto, off or a number of bytes, such as 1360", shown(text));
  }
  if (*number < kMinMss || *number > kMaxMss) {
    return fail("{} is out of range; choose {} to {}, auto or off", shown(text), kMinMss, kMaxMss);
  }
  return MssClamp{.on = true, .most = static_cast<std::uint32_t>(*number)};
}

Result<std::uint32_t> parse_storm_limit(std::string_view text) {
  if (text == "off") return 0;
  const auto number = parse_number(text);
  if (!number || *number < 1 || *number > kMaxStormLimit) {
    return fail("{} is no number of frames a second; choose 1 to {}, or off", shown(text), kMaxStormLimit);
  }
  return static_cast<std::uint32_t>(*number);
}

Result<bool> parse_path_probe(std::string_view text) {
  static constexpr std::array<std::string_view, 2> kWords{"auto", "off"};
  if (text == "auto" || text == "off") return text == "auto";
  const auto meant = meant_switch(text, kWords);
  return fail("{} is not known here; {}", shown(text),
              choose(kWords, text == "on" || meant == "on" ? std::optional<std::string_view>("auto") : meant));
}

Result<Mode> parse_mode(std::string_view text) {
  static constexpr std::array<std::string_view, 2> kWords{"tun", "tap"};
  const auto* const found = std::ranges::find(kWords, text);
  if (found != kWords.end()) return static_cast<Mode>(found - kWords.begin());
  return fail("{} is no mode; write tun for IP packets, or tap for Ethernet frames", shown(text));
}

Result<MacAddress> parse_mac(std::string_view text) {
  const auto address = MacAddress::parse(text);
  if (!address)
    return fail("{} is no MAC address; write six pairs of digits, such as \"02:00:00:00:00:01\"", shown(text));
  if (address->is_group())
    return fail("{} is the address of a group of stations, which no interface can have", shown(text));
  if (*address == MacAddress()) return fail("{} is nobody's address; leave mac out to have one made", shown(text));
  return *address;
}

Result<KillSwitch> parse_kill_switch(std::string_view text) {
  static constexpr std::array<std::string_view, 4> kWords{"auto", "on", "off", "always"};
  const auto* const found = std::ranges::find(kWords, text);
  if (found != kWords.end()) return static_cast<KillSwitch>(found - kWords.begin());
  return fail("{} is no kill switch; {}", shown(text), choose(kWords, meant_switch(text, kWords)));
}

Result<std::optional<std::uint32_t>> parse_buffer(std::string_view text) {
  if (text == "auto") return std::nullopt;
  const auto [digits, shift] = split_unit(text);
  const auto number = parse_number(digits);
  if (!number || (shift != 0 && digits.starts_with("0x"))) {
    return fail("{} is not a size; write a number of bytes, or one with the unit K, M or G, such as 4M, or auto",
                shown(text));
  }
  if (*number > (kMaxBuffer >> shift) || (*number << shift) < kMinBuffer) {
    return fail("{} is out of range; choose 64K (65536 bytes) to 1G (1073741824 bytes), or auto", shown(text));
  }
  return static_cast<std::uint32_t>(*number << shift);
}

Result<std::optional<std::uint32_t>> parse_workers(std::string_view text) {
  if (text == "auto") return std::nullopt;
  const auto number = parse_number(text);
  if (!number || *number < 1 || *number > kMaxWorkers) {
    return fail("{} is not a number of threads; choose 1 to {}, or auto", shown(text), kMaxWorkers);
  }
  return static_cast<std::uint32_t>(*number);
}

}  // namespace adit::config
