// SPDX-License-Identifier: MIT
#include "base/clock_text.h"

#include <array>
#include <ctime>

namespace adit {
namespace {

std::string in_form(const char* form, const std::tm& parts) {
  std::array<char, 64> text{};
  return {text.data(), std::strftime(text.data(), text.size(), form, &parts)};
}

std::time_t whole_seconds(WallTime time) {
  return std::chrono::floor<std::chrono::seconds>(time.since_epoch).count();
}

}  // namespace

std::string time_of_day(WallTime time) {
  const auto seconds = whole_seconds(time);
  std::tm parts{};
  localtime_r(&seconds, &parts);
  return in_form("%H:%M:%S", parts);
}

std::string date_and_time_utc(WallTime time) {
  const auto seconds = whole_seconds(time);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  return in_form("%F %T", parts);
}

}  // namespace adit
