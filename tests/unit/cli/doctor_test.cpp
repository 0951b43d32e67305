// SPDX-License-Identifier: MIT
// The command, its report and its page. What the checks see on real hosts is tests/netns/test_doctor*.py.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "cli/command_line.h"
#include "doctor/checks.h"
#include "doctor/report.h"

namespace adit::cli {
namespace {

using doctor::checks;
using doctor::ok;
using doctor::problem;
using doctor::skipped;
using doctor::warning;

using testing::HasSubstr;
using testing::Not;

std::vector<doctor::Finding> some_findings() {
  auto findings = std::vector<doctor::Finding>{
      ok("all is well", {"seen"}),
      problem("it does not run", {"nobody answers"}, "start it"),
      problem("the port is taken", {"by socat"}, "stop socat"),
      skipped("it does not answer"),
      skipped("it does not answer"),
      warning("it is slow", {}, ""),
  };
  const char* const ids[] = {"config", "daemon", "port", "state", "handshake", "mtu"};
  for (std::size_t i = 0; i < findings.size(); ++i) findings[i].id = ids[i];
  return findings;
}

TEST(DoctorReport, NamesTheCauseBeforeWhatFollowsFromIt) {
  const auto findings = some_findings();
  ASSERT_NE(doctor::most_likely(findings), nullptr);
  EXPECT_EQ(doctor::most_likely(findings)->id, "port");
  EXPECT_EQ(worst(findings), doctor::Verdict::problem);
}

TEST(DoctorReport, WarningsAndWhatWasLeftOutAreNoCause) {
  auto findings = some_findings();
  std::erase_if(findings, [](const doctor::Finding& each) { return each.verdict == doctor::Verdict::problem; });
  EXPECT_EQ(doctor::most_likely(findings), nullptr);
  EXPECT_EQ(worst(findings), doctor::Verdict::warning);
  EXPECT_THAT(to_text({"office", "f", true}, findings, false), HasSubstr("but see the warning above"));
}

TEST(DoctorReport, IsForPeople) {
  const auto text = to_text({"office", "/etc/adit/office.yaml"}, some_findings(), false);
  EXPECT_EQ(text,
            "office (/etc/adit/office.yaml)\n"
            "  ok   config          all is well (seen)\n"
            "  FAIL daemon          it does not run\n"
            "         nobody answers\n"
            "         mend: start it\n"
            "  FAIL port            the port is taken\n"
            "         by socat\n"
            "         mend: stop socat\n"
            "  WARN mtu             it is slow\n"
            "  skip state, handshake: it does not answer\n"
            "\n"
            "Most likely: the port is taken (port).\n"
            "What to do:  stop socat.\n");
}

TEST(DoctorReport, IsColouredForATerminalAlone) {
  EXPECT_THAT(to_text({"a", "b"}, some_findings(), true), HasSubstr("\x1b[1;31mFAIL\x1b[0m"));
  EXPECT_THAT(to_text({"a", "b"}, some_findings(), false), Not(HasSubstr("\x1b")));
}

TEST(DoctorReport, LetsNobodysNameSteerTheTerminal) {
  auto findings = some_findings();
  findings[2].evidence = {"it is held by \x1b[2Jevil\n (process 7)"};
  const auto text = to_text({"a", "b\x1b"}, findings, false);
  EXPECT_THAT(text, HasSubstr("it is held by ?[2Jevil? (process 7)\n"));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
}

TEST(DoctorReport, IsForPrograms) {
  const auto json = to_json({"office", "f"}, some_findings());
  EXPECT_EQ(json.at("link"), "office");
  EXPECT_EQ(json.at("file"), "f");
  EXPECT_EQ(json.at("verdict"), "problem");
  EXPECT_EQ(json.at("most_likely"), "port");
  EXPECT_EQ(json.at("checks").size(), 6U);
  EXPECT_EQ(
      json.at("checks")[1].dump(),
      R"({"id":"daemon","verdict":"problem","title":"it does not run","evidence":["nobody answers"],"mend":"start it"})");
  EXPECT_TRUE(json.at("checks")[0].at("mend").is_null());
  EXPECT_EQ(json.at("checks")[3].at("verdict"), "skipped");
}

TEST(DoctorReport, AnyCheckCanBeTheCause) {
  for (const auto& check : checks()) {
    std::vector<doctor::Finding> findings{problem("it is broken", {}, "mend it")};
    findings[0].id = check.id;
    EXPECT_NE(doctor::most_likely(findings), nullptr) << check.id << " is missing among the causes";
  }
}

TEST(DoctorPage, HasASectionForEachCheckAndNoOther) {
  std::ifstream page(ADIT_SOURCE_DIR "/docs/troubleshooting.md");
  ASSERT_TRUE(page);
  std::vector<std::string> headings;
  bool begun = false;
  for (std::string line; std::getline(page, line);) {
    begun |= line == "# The checks";
    if (begun && line.starts_with("## ")) headings.push_back(line.substr(3));
  }
  std::vector<std::string> ids;
  for (const auto& check : checks()) ids.emplace_back(check.id);
  EXPECT_EQ(headings, ids) << "in the order in which they are shown";
}

TEST(Doctor, SaysThatThereIsNoSuchLink) {
  const auto outcome = adit({"doctor", "no-such-link-anywhere"});
  EXPECT_EQ(outcome.status, kNoSuchLink);
  EXPECT_EQ(outcome.out, "");
  EXPECT_THAT(outcome.err, HasSubstr("there is no link \"no-such-link-anywhere\""));
}

TEST(Doctor, TellsTheProblemsOfAFileThatIsNotValid) {
  const Folder folder;
  const auto file = folder.write("office.yaml", "interface: {adresses: []}\n");
  const auto outcome = adit({"doctor", file, "--json"});
  EXPECT_EQ(outcome.status, kInvalidConfig);
  const auto json = nlohmann::json::parse(outcome.out);
  EXPECT_EQ(json.at("checks").size(), checks().size());
  EXPECT_EQ(json.at("checks")[0].at("id"), "config");
  EXPECT_THAT(json.at("checks")[0].at("evidence").dump(), HasSubstr("did you mean addresses?"));
}

}  // namespace
}  // namespace adit::cli
