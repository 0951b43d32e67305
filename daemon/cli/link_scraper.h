// SPDX-License-Identifier: MIT
// Asks all links of the host for the exporter. However often it is wanted, the links are asked once a second at most,
// so that whoever can reach the exporter cannot keep them busy.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "cli/metrics.h"

namespace adit::cli {

class LinkScraper {
 public:
  using Complain = std::function<void(const std::string& sentence)>;

  /// `complain` hears why a link cannot be asked, once each time that begins.
  explicit LinkScraper(std::string_view version, Complain complain)
      : version_(version), complain_(std::move(complain)) {}

  /// The page as it is now, or was within the last second. Takes a second when a link does not answer.
  const std::string& page();

 private:
  using Clock = std::chrono::steady_clock;

  Scrape scrape();
  void note(const std::string& name, const std::string& problem);

  std::string version_;
  Complain complain_;
  std::map<std::string, std::string> problems_;  ///< by link, as told
  std::string page_;
  Clock::time_point scraped_;
};

}  // namespace adit::cli
