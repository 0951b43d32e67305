// SPDX-License-Identifier: MIT
// What links say of themselves, as Prometheus' metrics: docs/monitoring.md. Knows names, units and types; how the links
// were asked and where the page goes is others' business. Holds no secret, since the links' answers hold none.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace adit::cli {

struct AskedLink {
  std::string name;
  nlohmann::ordered_json status;  ///< as docs/control-socket.md has it; null: it did not answer
};

struct Scrape {
  std::vector<AskedLink> links;
  double seconds = 0;  ///< how long it took to ask them
};

/// The page in Prometheus' text format. What a status lacks, or holds null, is left out, never a zero in its place.
std::string metrics_page(const Scrape& scrape, std::string_view version);

}  // namespace adit::cli
