// SPDX-License-Identifier: MIT
// Lines for the administrator, as every part of the daemon writes them. Where they go, and how they look there, is the
// business of service/logging.h. Costs nothing for a line that nobody wants.
#pragma once

#include <fmt/core.h>

#include <cstdint>
#include <string_view>

namespace adit {

enum class Severity : std::uint8_t { trace, debug, info, warn, error };

class Log {
 public:
  Log() = default;
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;
  virtual ~Log() = default;

  /// Lines of less than that are not written.
  void set_threshold(Severity threshold) { threshold_ = threshold; }
  bool wants(Severity severity) const { return severity >= threshold_; }

  template <class... Args>
  void write(Severity severity, fmt::format_string<Args...> format, const Args&... arguments) {
    if (wants(severity)) write_formatted(severity, format, fmt::make_format_args(arguments...));
  }
  template <class... Args>
  void debug(fmt::format_string<Args...> format, const Args&... arguments) {
    if (wants(Severity::debug)) write_formatted(Severity::debug, format, fmt::make_format_args(arguments...));
  }
  template <class... Args>
  void info(fmt::format_string<Args...> format, const Args&... arguments) {
    if (wants(Severity::info)) write_formatted(Severity::info, format, fmt::make_format_args(arguments...));
  }
  template <class... Args>
  void warn(fmt::format_string<Args...> format, const Args&... arguments) {
    if (wants(Severity::warn)) write_formatted(Severity::warn, format, fmt::make_format_args(arguments...));
  }
  template <class... Args>
  void error(fmt::format_string<Args...> format, const Args&... arguments) {
    if (wants(Severity::error)) write_formatted(Severity::error, format, fmt::make_format_args(arguments...));
  }

 private:
  void write_formatted(Severity severity, fmt::string_view format, fmt::format_args arguments);
  /// A line, without its end. Only one that is wanted.
  virtual void put(Severity severity, std::string_view line) = 0;

  Severity threshold_ = Severity::info;
};

}  // namespace adit
