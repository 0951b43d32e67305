// SPDX-License-Identifier: MIT
// Files that are no YAML, or YAML of a kind that has no place here (config/yaml_tree.cpp, config/file_text.cpp).
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/expect_problems.h"

namespace adit::config {
namespace {

using namespace std::string_literals;

TEST(Syntax, MistakesAreReportedWithLineAndColumn) {
  const Folder folder;
  const struct {
    std::string text;
    std::vector<Expected> expected;
  } table[] = {
      {"interface: [1, 2\n", {{"1:12", "the bracket [ that opens here is never closed"}}},
      {"a: 1\nlog: {level: info\n", {{"2:6", "the brace { that opens here is never closed"}}},
      {"log:\n  level: a: b\n", {{"2:11", "a colon with a space behind it"}}},
      {"log: \"info\n", {{"1:6", "the quote that opens here is never closed"}}},
      {"log: 'info''\n", {{"1:6", "the quote that opens here is never closed"}}},
      {"log: 'info\nlocal: x", {{"2:9", "the file ends within quotes"}}},
      {"log: @info\n", {{"1:6", "a value that begins with @ means something else in YAML"}}},
      {"log: *level\n", {{"1:6", "a value that begins with * means something else in YAML"}}},
      {"}\n", {{"1:1", "a value that begins with } means something else in YAML"}}},
      {"", {{"1:1", "is empty"}}},
      {"# a comment\n", {{"1:1", "is empty"}}},
      {"---\n", {{"1:1", "is empty"}}},
      {"~\n", {{"1:1", "is empty"}}},
      {"interface\n", {{"1:1", "must consist of sections: interface, local, peer, routes, log, tuning"}}},
      {"- interface\n", {{"1:1", "must consist of sections"}}},
      {"log:\n\tlevel: info\n", {{"2:1", "is indented with a tab"}}},
      {"log:\n  \tlevel: info\n", {{"2:3", "is indented with a tab"}}},
      {"log: \0\n"s, {{"1:6", "control character or a zero byte"}}},
      {"log: \x1b[2J\n", {{"1:6", "control character or a zero byte"}}},
      {"log: \x7f\n", {{"1:6", "control character or a zero byte"}}},
      {"log:\n  level: \xff\n", {{"2:10", "is not UTF-8"}}},
      {"l\xc3\xb6g: \xc3\n", {{"1:7", "is not UTF-8"}}},
      {"log: \xc0\xaf\n", {{"1:6", "is not UTF-8"}}},
      {"log: \xe0\x80\xaf\n", {{"1:6", "is not UTF-8"}}},
      {"log: \xed\xa0\x80\n", {{"1:6", "is not UTF-8"}}},
      {"log: \xf0\x80\x80\xaf\n", {{"1:6", "is not UTF-8"}}},
      {"log: \xf4\x90\x80\x80\n", {{"1:6", "is not UTF-8"}}},
      {"log: \xf5\x80\x80\x80\n", {{"1:6", "is not UTF-8"}}},
      {"\xfe\xffl\0o\0g\0"s, {{"1:1", "is UTF-16"}}},
      {"l\0o\0g\0:\0"s, {{"1:1", "is UTF-16"}}},
      {std::string(100'000, '['), {{"1:9", "is nested more than 16 levels deep"}}},
      {"---\n" + Parts().text() + "---\nlog: {}\n", {{"8:1", "a second YAML document starts here"}}},
      {Parts().text() + "---\n" + std::string(100'000, '['), {{"8:1", ""}}},
  };
  for (const auto& [text, expected] : table) {
    if (expected[0].reason.empty()) {
      EXPECT_EQ(folder.problems(text).size(), 1);  // the second document need only be survived
    } else {
      expect_problems(folder, text, expected);
    }
  }
}

TEST(Syntax, OneDocumentMayHaveMarkersByteOrderMarkAndDosLineEnds) {
  const Folder folder;
  EXPECT_EQ(folder.problems("%YAML 1.2\n---\n" + Parts().text() + "...\n"), std::vector<std::string>());
  EXPECT_EQ(folder.problems("\xef\xbb\xbf" + Parts().text()), std::vector<std::string>());
  std::string dos;
  for (const char c : Parts().text()) dos += c == '\n' ? "\r\n"s : std::string(1, c);
  EXPECT_EQ(folder.problems(dos), std::vector<std::string>());
  EXPECT_EQ(folder.problems("# über \xf0\x9f\x94\x91\n" + Parts().text()), std::vector<std::string>());
}

TEST(Syntax, AnchorsAliasesTagsAndOddKeysAreRefusedWithoutFollowUps) {
  const Folder folder;
  const auto base = Parts().text();
  expect_problems(folder, base + "log: {level: &x info}\n", {{"7:14", "begins with & is an anchor"}});
  expect_problems(folder, base + "log: &x {level: loud}\n", {{"7:6", "begins with & is an anchor"}});
  expect_problems(folder, base + "routes: &x [1, {a: b}, [c]]\n", {{"7:9", "begins with & is an anchor"}});
  expect_problems(folder, Parts{.peer = "  public_key: &x 7\n  endpoint: *x\n"}.text(),
                  {{"6:15", "begins with & is an anchor"}, {"7:13", "begins with * is an alias"}});
  expect_problems(folder, Parts{.peer = "  public_key: !!binary abc\n"}.text(), {{"6:15", "begins with ! has a tag"}});
  expect_problems(folder, base + "log: !mine {level: info}\n", {{"7:6", "begins with ! has a tag"}});
  expect_problems(folder, base + "log: {[level]: info}\n", {{"7:7: log", "a key here is not text"}});
  expect_problems(folder, base + "log: {? {a: b} : info}\n", {{"7:9: log", "a key here is not text"}});
  expect_problems(folder, base + "log: {~: info}\n", {{"7:7: log", "a key here is not text"}});
  expect_problems(folder, base + "<<: {log: {}}\n", {{"7:1: <<", "unknown key"}});
}

TEST(Syntax, AliasBombsStayHarmless) {
  const Folder folder;
  std::string bomb = "a0: &a0 [x, x]\n";
  for (int i = 1; i < 64; ++i) bomb += fmt::format("a{0}: &a{0} [*a{1}, *a{1}]\n", i, i - 1);
  EXPECT_EQ(folder.problems(bomb).size(), 64 + 2 * 63 + 64 + 3);  // anchors, aliases, unknown keys, missing sections
}

TEST(Syntax, FilesThatCannotBeMeantAreNotRead) {
  const Folder folder;
  const auto problem_of = [&](const std::filesystem::path& file) { return folder.texts(read_config(file, {})); };
  using Texts = std::vector<std::string>;
  EXPECT_EQ(problem_of(folder / "none.yaml"), Texts{"none.yaml: cannot be opened: No such file or directory"});
  std::filesystem::create_directory(folder / "folder.yaml");
  EXPECT_EQ(problem_of(folder / "folder.yaml"), Texts{"folder.yaml: is a directory; name a file"});
  ASSERT_EQ(::mkfifo((folder / "fifo.yaml").c_str(), 0600), 0);
  EXPECT_EQ(problem_of(folder / "fifo.yaml"), Texts{"fifo.yaml: is not a regular file; name a plain file"});
  const auto huge = folder.write("huge.yaml", "# " + std::string(1 << 20, 'x'));
  EXPECT_EQ(problem_of(huge), Texts{"huge.yaml: is larger than 1048576 bytes; this cannot be the file that is meant"});
  const auto large = folder.write("large.yaml", Parts().text() + "#" + std::string((1 << 20) - 1000, 'x'));
  EXPECT_EQ(problem_of(large), Texts());
}

}  // namespace
}  // namespace adit::config
