// SPDX-License-Identifier: MIT
// Compares what the writer makes of both: it knows every key and every default, and its round trip is tested. Its lines
// are `section:`, `  key: value` and `  - item`.
#include "config/difference.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <string_view>

#include "config/writer.h"

namespace adit::config {
namespace {

using Values = std::map<std::string, std::string>;

Values values_of(const Config& config) {
  const auto yaml = to_yaml(config, "", Secrets::left_out);
  Values values;
  std::string section;
  for (std::string_view rest = yaml; !rest.empty();) {
    const auto line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(line.size() + 1);
    const auto colon = line.find(": ");
    if (!line.starts_with(' ')) {
      section = line.substr(0, line.size() - 1);
    } else if (line.starts_with("  - ")) {
      auto& items = values[section];
      items += (items.empty() ? "" : ", ") + std::string(line.substr(4));
    } else {
      values[fmt::format("{}.{}", section, line.substr(2, colon - 2))] = line.substr(colon + 2);
    }
  }
  return values;
}

}  // namespace

std::string to_string(const Change& change) {
  // A list may have thousands of elements.
  const auto shown = [](const std::string& value) {
    constexpr std::size_t kMost = 500;
    if (value.size() <= kMost) return value.empty() ? "the default" : value;
    const auto end = std::min(value.rfind(", ", kMost), kMost);
    const auto rest = std::count(value.begin() + static_cast<std::ptrdiff_t>(end), value.end(), ',');
    return fmt::format("{} and {} more", value.substr(0, end), rest);
  };
  return fmt::format("{}: {}, was {}", change.key, shown(change.after), shown(change.before));
}

std::vector<Change> difference(const Config& before, const Config& after) {
  auto old_values = values_of(before);
  auto new_values = values_of(after);
  auto keys = old_values;
  keys.insert(new_values.begin(), new_values.end());
  // Written only where they are not the default; but the default follows the routes.
  if (before.peer.allowed_ips == after.peer.allowed_ips) keys.erase("peer.allowed_ips");
  std::vector<Change> changes;
  for (const auto& [key, value] : keys) {
    if (old_values[key] != new_values[key]) changes.push_back({key, old_values[key], new_values[key]});
  }
  return changes;
}

}  // namespace adit::config
