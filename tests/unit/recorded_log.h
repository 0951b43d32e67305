// SPDX-License-Identifier: MIT
// A log that keeps its lines for the test to read.
#pragma once

#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "base/log.h"

namespace adit::test {

class RecordedLog final : public Log {
 public:
  /// All of it, lines as "warning: what happened".
  const std::string& text() const { return text_; }
  /// Line by line; what comes later begins anew.
  std::vector<std::string> take_lines() {
    std::istringstream text(std::exchange(text_, {}));
    std::vector<std::string> lines;
    for (std::string line; std::getline(text, line);) lines.push_back(line);
    return lines;
  }

 private:
  void put(Severity severity, std::string_view line) override {
    constexpr const char* kNames[] = {"trace", "debug", "info", "warning", "error"};
    text_.append(kNames[static_cast<std::size_t>(severity)]).append(": ").append(line).append("\n");
  }

  std::string text_;
};

}  // namespace adit::test
