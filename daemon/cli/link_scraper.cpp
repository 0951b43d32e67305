// SPDX-License-Identifier: MIT
#include "cli/link_scraper.h"

#include <fmt/core.h>

#include <algorithm>
#include <exception>

#include "client/link_question.h"
#include "config/fields.h"

namespace adit::cli {
namespace {

using nlohmann::ordered_json;

/// Together, well below the ten seconds after which Prometheus gives up on all of them.
constexpr std::chrono::seconds kScrapePatience{1};
constexpr std::chrono::seconds kFresh{1};
constexpr std::string_view kScrapeRequest = R"({"command":"status"})";

std::string problem_of(const std::string& name, const client::NoAnswer& no_answer) {
  if (no_answer.kind != client::AskFailure::forbidden) return no_answer.sentence;
  return fmt::format(
      "link {} may only be asked by its owner or the group adit: run the exporter as a member of that, as "
      "adit-exporter.service does",
      name);
}

}  // namespace

const std::string& LinkScraper::page() {
  if (page_.empty() || Clock::now() - scraped_ >= kFresh) {
    page_ = metrics_page(scrape(), version_);
    scraped_ = Clock::now();
  }
  return page_;
}

Scrape LinkScraper::scrape() {
  auto names = client::running_links();
  // Whatever else lies in the folder: a metric's label must be text.
  std::erase_if(names, [](const auto& name) { return !config::check_name(name); });
  std::erase_if(problems_, [&](const auto& entry) { return !std::ranges::binary_search(names, entry.first); });
  const auto began = Clock::now();
  const auto answers = client::ask_links(names, kScrapeRequest, kScrapePatience);

  Scrape scrape;
  scrape.seconds = std::chrono::duration<double>(Clock::now() - began).count();
  for (std::size_t i = 0; i < names.size(); ++i) {
    AskedLink link{.name = names[i], .status = nullptr};
    std::string problem;
    if (!answers[i]) {
      problem = problem_of(link.name, answers[i].error());
    } else {
      const auto answer = ordered_json::parse(*answers[i], nullptr, false);
      if (answer.is_object()) link.status = answer.value("status", ordered_json());
      if (!link.status.is_object() || !link.status.contains("state")) {
        link.status = nullptr;
        problem = fmt::format("link {} answers what this adit does not understand: are adit and aditd of one version?",
                              link.name);
      }
    }
    note(link.name, problem);
    scrape.links.push_back(std::move(link));
  }
  return scrape;
}

void LinkScraper::note(const std::string& name, const std::string& problem) {
  auto& known = problems_[name];
  if (known == problem) return;
  known = problem;
  if (!problem.empty()) complain_(problem);
}

}  // namespace adit::cli
