// SPDX-License-Identifier: MIT
#include "config/problem.h"

#include <fmt/core.h>

namespace adit::config {
namespace {

std::vector<Problem> values_of(std::multimap<std::pair<int, int>, Problem> sorted) {
  std::vector<Problem> problems;
  problems.reserve(sorted.size());
  for (auto& [spot, problem] : sorted) problems.push_back(std::move(problem));
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
  return values_of(std::exchange(errors_, {}));
}

std::vector<Problem> Problems::take_warnings() {
  return values_of(std::exchange(warnings_, {}));
}

void Problems::insert(InFileOrder& problems, const Place& place, std::string reason, bool may_pass) const {
  problems.emplace(std::pair(place.line, place.column),
                   Problem{file_, place.line, place.column, place.key, std::move(reason), may_pass});
}

}  // namespace adit::config
