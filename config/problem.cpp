// SPDX-License-Identifier: MIT
#include "config/problem.h"

#include <fmt/core.h>

#include <algorithm>
#include <tuple>
#include <utility>

namespace adit::config {
namespace {

std::vector<Problem> in_file_order(std::vector<Problem> problems) {
  std::ranges::stable_sort(problems, {},
                           [](const Problem& problem) { return std::tuple(problem.line, problem.column); });
  return problems;
}

}  // namespace

std::string to_string(const Problem& problem) {
  auto text = problem.file;
  if (problem.line > 0) text += fmt::format(":{}:{}", problem.line, problem.column);
  if (!problem.key.empty()) text += fmt::format(": {}", problem.key);
  return text + fmt::format(": {}", problem.reason);
}

std::vector<Problem> Problems::take_errors() {
  return in_file_order(std::exchange(errors_, {}));
}

std::vector<Problem> Problems::take_warnings() {
  return in_file_order(std::exchange(warnings_, {}));
}

Problem Problems::make(const Place& place, std::string reason) const {
  return {file_, place.line, place.column, place.key, std::move(reason)};
}

}  // namespace adit::config
