// SPDX-License-Identifier: MIT
#include "config/wg_quick_forks.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "config/wording.h"

namespace adit::config {
namespace {

struct ForkKey {
  std::string_view name;
  /// The value with which the protocol is WireGuard's; empty: each is.
  std::string_view neutral;
};

// https://docs.amnezia.org/documentation/amnezia-wg: Jc, Jmin, Jmax and I1 to I5 are packets of their own before an
// initiation; S1 to S4 put bytes before messages, and H1 to H4 replace the type of each of the four.
constexpr auto kForkKeys = std::to_array<ForkKey>({
    {"Jc", ""},  {"Jmin", ""}, {"Jmax", ""}, {"I1", ""},  {"I2", ""},    {"I3", ""},  {"I4", ""},
    {"I5", ""},  {"J1", ""},   {"J2", ""},   {"J3", ""},  {"Itime", ""}, {"S1", "0"}, {"S2", "0"},
    {"S3", "0"}, {"S4", "0"},  {"H1", "1"},  {"H2", "2"}, {"H3", "3"},   {"H4", "4"}, {"AdvancedSecurity", "off"},
});

std::string lower(std::string_view text) {
  std::string result;
  for (const char c : text) result += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return result;
}

}  // namespace

bool WgQuickForks::take(std::string_view key, const At<std::string_view>& value) {
  const auto* const known =
      std::ranges::find_if(kForkKeys, [&](const ForkKey& each) { return lower(each.name) == lower(key); });
  if (known == kForkKeys.end()) return false;
  auto place = value.place;
  place.key = known->name;
  const bool is_neutral =
      known->neutral.empty() || value.value.empty() || lower(value.value) == known->neutral || value.value == "0";
  if (is_neutral && !neutral_) neutral_ = place;
  if (!is_neutral && !changed_) changed_ = {fmt::format("{} = {}", known->name, value.value.substr(0, 40)), place};
  return true;
}

void WgQuickForks::report(Problems& problems) const {
  if (changed_) {
    problems.add(
        changed_->place,
        fmt::format("{}: the other end speaks AmneziaWG, a changed protocol, and Adit speaks WireGuard; have a "
                    "WireGuard file made there (S1 to S4 = 0, H1 = 1, H2 = 2, H3 = 3, H4 = 4)",
                    shown(changed_->value)));
  } else if (neutral_) {
    problems.warn(*neutral_,
                  "is not carried over, nor are the other keys of AmneziaWG: with these values the other end speaks "
                  "WireGuard, and what they add to it is for the eyes of others only");
  }
}

}  // namespace adit::config
