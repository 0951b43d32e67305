// SPDX-License-Identifier: MIT
#include "doctor/report.h"

#include <fmt/core.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "doctor/checks.h"

namespace adit::doctor {
namespace {

using nlohmann::ordered_json;

std::string_view name_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::ok:
      return "ok";
    case Verdict::skipped:
      return "skipped";
    case Verdict::warning:
      return "warning";
    case Verdict::problem:
      return "problem";
  }
  return "unknown";
}

/// All of one width.
std::string mark(Verdict verdict, bool coloured) {
  const auto paint = [coloured](const char* colour, const char* text) {
    return coloured ? fmt::format("\x1b[{}m{}\x1b[0m", colour, text) : std::string(text);
  };
  switch (verdict) {
    case Verdict::ok:
      return paint("32", "ok  ");
    case Verdict::warning:
      return paint("33", "WARN");
    case Verdict::problem:
      return paint("1;31", "FAIL");
    case Verdict::skipped:
      break;
  }
  return paint("2", "skip");
}

/// What others named themselves must not steer the terminal of whoever looks.
std::string harmless(std::string text) {
  std::ranges::replace_if(
      text, [](char letter) { return static_cast<unsigned char>(letter) < 0x20 || letter == 0x7f; }, '?');
  return text;
}

/// The same, fit for a terminal.
Finding harmless(Finding finding) {
  finding.title = harmless(std::move(finding.title));
  for (auto& line : finding.evidence) line = harmless(std::move(line));
  finding.mend = harmless(std::move(finding.mend));
  return finding;
}

std::string text_of(const Finding& finding, bool coloured) {
  const bool fine = finding.verdict == Verdict::ok;
  auto text = fmt::format("  {} {:<15} {}", mark(finding.verdict, coloured), finding.id, finding.title);
  if (fine && !finding.evidence.empty()) text += fmt::format(" ({})", joined(finding.evidence, "; "));
  text += "\n";
  if (fine) return text;
  for (const auto& line : finding.evidence) text += fmt::format("         {}\n", line);
  if (!finding.mend.empty()) text += fmt::format("         mend: {}\n", finding.mend);
  return text;
}

/// Many checks may have one reason to be left out.
std::string text_of_skipped(std::span<const Finding> findings, bool coloured) {
  std::vector<std::pair<std::string, std::string>> groups;
  for (const auto& finding : findings) {
    if (finding.verdict != Verdict::skipped) continue;
    const auto group = std::ranges::find(groups, finding.title, &std::pair<std::string, std::string>::first);
    if (group == groups.end()) {
      groups.emplace_back(finding.title, finding.id);
    } else {
      group->second += ", " + finding.id;
    }
  }
  std::string text;
  for (const auto& [why, ids] : groups)
    text += fmt::format("  {} {}: {}\n", mark(Verdict::skipped, coloured), ids, why);
  return text;
}

std::string conclusion(const Patient& patient, std::span<const Finding> findings) {
  if (const auto* const cause = most_likely(findings)) {
    return fmt::format("Most likely: {} ({}).\n{}", cause->title, cause->id,
                       cause->mend.empty() ? "" : fmt::format("What to do:  {}.\n", cause->mend));
  }
  if (patient.blind) return "Too little could be seen: run it as root.\n";
  const auto warnings = std::ranges::count(findings, Verdict::warning, &Finding::verdict);
  if (warnings == 0) return fmt::format("Nothing wrong was found{}.\n", patient.up ? ": the link is up" : "");
  return fmt::format("Nothing keeps the link from working, but see the {} above.\n",
                     warnings == 1 ? "warning" : fmt::format("{} warnings", warnings));
}

}  // namespace

std::string to_text(const Patient& patient, std::span<const Finding> found, bool coloured) {
  std::vector<Finding> findings;
  for (const auto& finding : found) findings.push_back(harmless(finding));
  auto text = fmt::format("{} ({})\n", harmless(patient.name), harmless(patient.file));
  for (const auto& finding : findings) {
    if (finding.verdict != Verdict::skipped) text += text_of(finding, coloured);
  }
  return text + text_of_skipped(findings, coloured) + "\n" + conclusion(patient, findings);
}

ordered_json to_json(const Patient& patient, std::span<const Finding> findings) {
  ordered_json json{{"link", patient.name}, {"file", patient.file}, {"verdict", name_of(worst(findings))}};
  const auto* const cause = most_likely(findings);
  json["most_likely"] = cause == nullptr ? ordered_json() : ordered_json(cause->id);
  json["checks"] = ordered_json::array();
  for (const auto& finding : findings) {
    ordered_json each{{"id", finding.id}, {"verdict", name_of(finding.verdict)}, {"title", finding.title}};
    each["evidence"] = finding.evidence;
    each["mend"] = finding.mend.empty() ? ordered_json() : ordered_json(finding.mend);
    json["checks"].push_back(std::move(each));
  }
  return json;
}

}  // namespace adit::doctor
