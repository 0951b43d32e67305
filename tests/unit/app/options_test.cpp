// SPDX-License-Identifier: MIT
#include "app/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace adit::app {
namespace {

using ::testing::HasSubstr;

Result<Options> parse(const std::vector<const char*>& words, bool called_by_wg_quick = false) {
  return parse_options(words, called_by_wg_quick);
}

TEST(Options, AFileIsALink) {
  const auto options = parse({"/etc/adit/office.yaml"});
  ASSERT_TRUE(options);
  EXPECT_EQ(options->file, "/etc/adit/office.yaml");
  EXPECT_TRUE(options->interface.empty());
  EXPECT_FALSE(options->background);
}

TEST(Options, AnInterfaceIsALinkWithoutAFile) {
  const auto options = parse({"--interface", "wg0"});
  ASSERT_TRUE(options);
  EXPECT_EQ(options->interface, "wg0");
  EXPECT_FALSE(options->background);
  EXPECT_TRUE(parse({"--background", "--interface", "wg0"})->background);
}

TEST(Options, ASingleWordIsAnInterfaceToWgQuickAndAFileToAnyoneElse) {
  EXPECT_EQ(parse({"wg0"})->file, "wg0");
  const auto options = parse({"wg0"}, true);
  EXPECT_EQ(options->interface, "wg0");
  EXPECT_TRUE(options->background) << "wg-quick waits for it to return";
  EXPECT_EQ(parse({"office.yaml"}, true)->file, "office.yaml");
  EXPECT_EQ(parse({"/etc/adit/office"}, true)->file, "/etc/adit/office");
}

TEST(Options, WhatMakesNoSenseIsASentence) {
  const auto error = [](const std::vector<const char*>& words) { return parse(words).error().message; };
  EXPECT_THAT(error({}), HasSubstr("which link"));
  EXPECT_THAT(error({""}), HasSubstr("no option"));
  EXPECT_THAT(error({"--what"}), HasSubstr("--what"));
  EXPECT_THAT(error({"a.yaml", "b.yaml"}), HasSubstr("b.yaml"));
  EXPECT_THAT(error({"--interface"}), HasSubstr("needs a name"));
  EXPECT_THAT(error({"--interface", "far-too-long-for-a-name"}), HasSubstr("at most 15"));
  EXPECT_THAT(error({"--interface", "wg0", "a.yaml"}), HasSubstr("a.yaml"));
  EXPECT_THAT(error({"--interface", "wg0", "--interface", "wg1"}), HasSubstr("--interface"));
  EXPECT_THAT(error({"--background", "a.yaml"}), HasSubstr("--interface"));
}

TEST(Options, AKeyLogGoesWithBothKindsOfLink) {
  EXPECT_TRUE(parse({"a.yaml"})->key_log.empty());
  EXPECT_EQ(parse({"--keylog", "keys", "a.yaml"})->key_log, "keys");
  EXPECT_EQ(parse({"a.yaml", "--keylog", "keys"})->file, "a.yaml");
  EXPECT_EQ(parse({"--interface", "wg0", "--keylog", "keys"})->key_log, "keys");
  EXPECT_EQ(parse({"--interface", "wg0", "--background", "--keylog", "/tmp/keys"})->key_log, "/tmp/keys");
}

TEST(Options, AKeyLogNeedsAFileThatStaysTheSame) {
  const auto error = [](const std::vector<const char*>& words) { return parse(words).error().message; };
  EXPECT_THAT(error({"a.yaml", "--keylog"}), HasSubstr("needs a file"));
  EXPECT_THAT(error({"--keylog", "", "a.yaml"}), HasSubstr("no option"));
  EXPECT_THAT(error({"--keylog", "k", "--keylog", "k", "a.yaml"}), HasSubstr("--keylog"));
  EXPECT_THAT(error({"--keylog", "k"}), HasSubstr("which link"));
  EXPECT_THAT(error({"--interface", "wg0", "--background", "--keylog", "keys"}), HasSubstr("whole path"));
}

TEST(Options, AUserGoesWithBothKindsOfLink) {
  EXPECT_TRUE(parse({"a.yaml"})->user.empty());
  EXPECT_EQ(parse({"--user", "root", "a.yaml"})->user, "root");
  EXPECT_EQ(parse({"--interface", "wg0", "--user", "link"})->user, "link");
  EXPECT_THAT(parse({"a.yaml", "--user"}).error().message, HasSubstr("--user needs a user's name"));
  EXPECT_THAT(parse({"--user", "a", "--user", "b", "a.yaml"}).error().message, HasSubstr("--user"));
}

TEST(Options, HelpAndVersionNeedNoLink) {
  EXPECT_TRUE(parse({"--help"})->help);
  EXPECT_TRUE(parse({"-h"})->help);
  EXPECT_TRUE(parse({"--version"})->version);
}

}  // namespace
}  // namespace adit::app
