// SPDX-License-Identifier: MIT
#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>

#include "cli/command_line.h"
#include "cli/link_scraper.h"
#include "fake_daemon.h"

namespace adit::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr const char* kUp = R"({"status": {"name": "x", "state": "up", "mtu": 1420}})"
                            "\n";

class ExporterTest : public ::testing::Test {
 protected:
  ExporterTest() { setenv("ADIT_RUN_DIR", folder_.path().c_str(), 1); }
  ~ExporterTest() override { unsetenv("ADIT_RUN_DIR"); }
  std::string socket(const std::string& name) const { return folder_ / (name + ".sock"); }

  Folder folder_;
};

TEST_F(ExporterTest, WritesAllLinksOnce) {
  const test::FakeDaemon office(socket("office"), kUp);
  const test::FakeDaemon cabin(socket("cabin"), kUp);
  const auto outcome = adit({"exporter", "--textfile", "-"});
  EXPECT_EQ(outcome.status, kDone);
  EXPECT_EQ(outcome.err, "");
  EXPECT_THAT(outcome.out, HasSubstr("adit_links 2\n"));
  EXPECT_THAT(outcome.out, HasSubstr("adit_link_up{link=\"cabin\"} 1\nadit_link_up{link=\"office\"} 1\n"));
}

TEST_F(ExporterTest, AHostWithoutLinksOrTheirFolderHasAPageAllTheSame) {
  EXPECT_THAT(adit({"exporter", "--textfile", "-"}).out, HasSubstr("adit_links 0\n"));
  setenv("ADIT_RUN_DIR", (folder_ / "none").c_str(), 1);
  EXPECT_THAT(adit({"exporter", "--textfile", "-"}).out, HasSubstr("adit_links 0\n"));
}

TEST_F(ExporterTest, OneLinkThatHangsCostsTheOthersNothing) {
  const test::FakeDaemon early(socket("a"), kUp);
  const test::FakeDaemon hanging(socket("b"), "");
  const test::FakeDaemon late(socket("c"), kUp);
  const auto outcome = adit({"exporter", "--textfile", "-"});
  EXPECT_THAT(outcome.out, HasSubstr("adit_link_scrape_success{link=\"a\"} 1\nadit_link_scrape_success{link=\"b\"} 0\n"
                                     "adit_link_scrape_success{link=\"c\"} 1\n"));
  EXPECT_THAT(outcome.err, HasSubstr("link b runs but does not answer"));
}

TEST_F(ExporterTest, WhatAnswersNonsenseOrIsNotThereDoesNotSucceed) {
  const test::FakeDaemon garbage(socket("garbage"), "what?\n");
  const test::FakeDaemon list(socket("list"), "[1]\n");
  const test::FakeDaemon null(socket("null"), "{\"status\": null}\n");
  folder_.write("killed.sock", "");
  const auto outcome = adit({"exporter", "--textfile", "-"});
  EXPECT_EQ(outcome.status, kDone);
  for (const auto* const name : {"garbage", "killed", "list", "null"}) {
    EXPECT_THAT(outcome.out, HasSubstr(fmt::format("adit_link_scrape_success{{link=\"{}\"}} 0\n", name)));
    EXPECT_THAT(outcome.err, HasSubstr(name));
  }
}

TEST_F(ExporterTest, FilesThatCanBeNoLinkAreNotShown) {
  folder_.write("bad\"name\n.sock", "");
  folder_.write("\xff.sock", "");
  folder_.write("office.yaml", "");
  EXPECT_THAT(adit({"exporter", "--textfile", "-"}).out, HasSubstr("adit_links 0\n"));
}

TEST_F(ExporterTest, TheFileIsForOthersToReadAndComesWhole) {
  const auto file = folder_.write("adit.prom", "old");
  const auto outcome = adit({"exporter", "--textfile", file});
  EXPECT_EQ(outcome.status, kDone);
  EXPECT_EQ(outcome.out, "");
  EXPECT_THAT(folder_.text("adit.prom"), HasSubstr("adit_links 0\n"));
  EXPECT_THAT(folder_.text("adit.prom"), Not(HasSubstr("old")));
  struct stat status{};
  ASSERT_EQ(::stat(file.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0644);
  std::filesystem::remove(file);
  EXPECT_TRUE(folder_.empty()) << "nothing else is left there";
}

TEST_F(ExporterTest, AFileThatCannotBeWrittenIsAnError) {
  const auto outcome = adit({"exporter", "--textfile", folder_ / "none/adit.prom"});
  EXPECT_EQ(outcome.status, kFailed);
  EXPECT_THAT(outcome.err, HasSubstr("is the folder there"));
  std::filesystem::create_directory(folder_ / "taken.prom");
  EXPECT_EQ(adit({"exporter", "--textfile", folder_ / "taken.prom"}).status, kFailed);
  std::filesystem::remove(folder_ / "taken.prom");
  EXPECT_TRUE(folder_.empty());
}

TEST_F(ExporterTest, PlacesThatAreNoneAreWrongUsage) {
  for (const auto* const place : {"", "localhost:9586", "::1:9586", "65536", "9586s", "127.0.0.1", "9586,9587"}) {
    EXPECT_EQ(adit({"exporter", "--listen", place}).status, kWrongUsage) << place;
  }
  EXPECT_EQ(adit({"exporter", "--listen", "9586", "--textfile", "-"}).status, kWrongUsage);
}

TEST_F(ExporterTest, LinksAreAskedOnceASecondAtMost) {
  std::vector<std::string> complaints;
  LinkScraper scraper("1", [&](const std::string& sentence) { complaints.push_back(sentence); });
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_THAT(scraper.page(), HasSubstr("adit_links 0\n"));
  const test::FakeDaemon office(socket("office"), kUp);
  const auto page = scraper.page();
  if (std::chrono::steady_clock::now() - begin < std::chrono::seconds(1)) {
    EXPECT_THAT(page, HasSubstr("adit_links 0\n")) << "as it was just now";
  }
  while (scraper.page().find("adit_links 1\n") == std::string::npos) continue;
  EXPECT_THAT(complaints, IsEmpty());
}

TEST_F(ExporterTest, AProblemIsToldOnceEachTimeItBegins) {
  std::vector<std::string> complaints;
  LinkScraper scraper("1", [&](const std::string& sentence) { complaints.push_back(sentence); });
  folder_.write("a.sock", "");
  EXPECT_THAT(scraper.page(), HasSubstr("adit_link_scrape_success{link=\"a\"} 0\n"));
  folder_.write("b.sock", "");
  while (scraper.page().find("adit_links 2\n") == std::string::npos) continue;
  EXPECT_THAT(complaints, ElementsAre(HasSubstr("link a "), HasSubstr("link b ")));
}

}  // namespace
}  // namespace adit::cli
