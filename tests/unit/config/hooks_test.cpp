// SPDX-License-Identifier: MIT
// The section `hooks`, one value at a time (config/hook_reader.cpp).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/expect_problems.h"

namespace adit::config {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

std::string with(std::string_view line) {
  return with_section("hooks", line);
}

Hooks hooks_of(const Folder& folder, std::string_view line) {
  return expect_valid(folder, with(line)).hooks;
}

TEST(Hooks, ATextIsForTheShell) {
  const Folder folder;
  EXPECT_EQ(hooks_of(folder, "up: echo $ADIT_LINK > /tmp/x"),
            (Hooks{.up = {{.words = {"echo $ADIT_LINK > /tmp/x"}, .shell = true}}}));
  EXPECT_EQ(hooks_of(folder, "down: |\n    one\n    two"), (Hooks{.down = {{.words = {"one\ntwo\n"}, .shell = true}}}));
}

TEST(Hooks, AMappingSaysMore) {
  const Folder folder;
  EXPECT_EQ(hooks_of(folder, "up: {command: [ip, rule, '7'], timeout: 2m, required: true}"),
            (Hooks{.up = {{.words = {"ip", "rule", "7"}, .timeout = 2min, .required = true}}}));
  EXPECT_EQ(hooks_of(folder, "down: {command: ip rule, timeout: 1s}"),
            (Hooks{.down = {{.words = {"ip rule"}, .shell = true, .timeout = 1s}}}));
}

TEST(Hooks, AListIsOneOfHooksInTheirOrder) {
  const Folder folder;
  EXPECT_THAT(
      hooks_of(folder, "up: [b, {command: [a]}, c]").up,
      ElementsAre(Hook{.words = {"b"}, .shell = true}, Hook{.words = {"a"}}, Hook{.words = {"c"}, .shell = true}));
}

TEST(Hooks, InAFileThatOthersCanChangeAreRefused) {
  const Folder folder;
  const auto key_file = fmt::format("  private_key_file: {}\n", folder.write("a.key", kOurPrivateKey).string());
  const auto text = Parts{.local = key_file, .rest = "hooks: {up: x}\n"}.text();
  EXPECT_TRUE(folder.read(text, 0644));
  for (const mode_t mode : {0664, 0602}) {
    const auto problems = folder.problems(text, mode);
    ASSERT_EQ(problems.size(), 1);
    EXPECT_EQ(problems[0],
              "link.yaml:7:1: hooks: would run with the daemon's rights, but group or others can change this file; run "
              "`chmod go-w` on it");
  }
  EXPECT_TRUE(folder.read(Parts{.local = key_file, .rest = "hooks: {up: []}\n"}.text(), 0664));
}

TEST(Hooks, WrongValuesAreRefusedNamingTheRightOnes) {
  const Folder folder;
  const struct {
    std::string line;
    std::string_view where;
    std::string_view reason;
  } table[] = {
      {"up:", "8:3: hooks.up", "has no value; write a mapping with keys such as command, timeout or required"},
      {"up: ''", "8:7: hooks.up", "is empty"},
      {"up: true", "8:7: hooks.up", "put it in quotes"},
      {"up: 5", "8:7: hooks.up", "put it in quotes"},
      {"up: \"a\\0b\"", "8:7: hooks.up", "holds a zero byte"},
      {"up: [[ip, rule]]", "8:8: hooks.up[0]", "is a list; write a mapping with keys such as command"},
      {"up: [a, ~]", "8:11: hooks.up[1]", "has no value"},
      {"up: {}", "8:3: hooks.up.command", "is missing; it is what to run"},
      {"up: {comand: x}", "8:8: hooks.up.comand", "did you mean command?"},
      {"up: {command: []}", "8:17: hooks.up.command", "is an empty list; write some words"},
      {"up: {command: [a, 1]}", "8:21: hooks.up.command[1]", "put it in quotes"},
      {"up: {command: {a: b}}", "8:8: hooks.up.command", "is a mapping"},
      {"up: {command: [\"a\\0\"]}", "8:18: hooks.up.command[0]", "holds a zero byte"},
      {"up: {command: a, timeout: 0s}", "8:29: hooks.up.timeout", "is out of range; choose 1s to 5m"},
      {"up: {command: a, timeout: 301s}", "8:29: hooks.up.timeout", "is out of range; choose 1s to 5m"},
      {"up: {command: a, timeout: 6m}", "8:29: hooks.up.timeout", "is out of range; choose 1s to 5m"},
      {"up: {command: a, timeout: 5}", "8:29: hooks.up.timeout", "is not a duration"},
      {"up: {command: a, required: yes}", "8:30: hooks.up.required", "write true or false"},
      {"up: [{command: a, required: 1}]", "8:31: hooks.up[0].required", "write true or false"},
      {"down: {command: a, required: true}", "8:22: hooks.down.required",
       "unknown key; known here: command or timeout"},
      {"donw: a", "8:3: hooks.donw", "did you mean down?"},
      {"up: " + std::string(kMaxHookText + 1, '.'), "8:7: hooks.up", "put it into a file and name that"},
  };
  for (const auto& [line, where, reason] : table) {
    auto expected = std::vector<Expected>{{where, std::string(reason)}};
    if (line.find("comand") != std::string::npos)
      expected.insert(expected.begin(), {"8:3: hooks.up.command", "is missing"});
    expect_problems(folder, with(line), expected);
  }
}

TEST(Hooks, AreCountedBeforeTheyAreRead) {
  const Folder folder;
  expect_problems(folder, with("up: [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q]"),
                  {{"8:7: hooks.up", "has 17 elements, and 16 is the limit"}});
}

}  // namespace
}  // namespace adit::config
