// SPDX-License-Identifier: MIT
#include "config/shell_text.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

namespace adit::config {
namespace {

using Words = std::vector<std::string>;

std::string without_comment(std::string_view text) {
  const auto end = comment_start(text);
  return end ? std::string(text.substr(0, *end)) : "unclosed";
}

TEST(ShellText, ACommentIsWhatIsOneToTheShell) {
  EXPECT_EQ(without_comment("a # b"), "a ");
  EXPECT_EQ(without_comment("# b"), "");
  EXPECT_EQ(without_comment("a;# b"), "a;");
  EXPECT_EQ(without_comment("a \"#1\" '#2' \\#3 b#4 ${x#5} $#"), "a \"#1\" '#2' \\#3 b#4 ${x#5} $#");
  EXPECT_EQ(without_comment("a \"$(b 'c # d' # e\n)\" # f"), "a \"$(b 'c # d' # e\n)\" ");
  EXPECT_EQ(without_comment("a $'it\\'s #1' # b"), "a $'it\\'s #1' ");
  EXPECT_EQ(without_comment("a \"it's\" # b"), "a \"it's\" ");
  EXPECT_EQ(without_comment("a \"<(b\" # c"), "a \"<(b\" ");
  EXPECT_EQ(without_comment("a \"b"), "unclosed");
  EXPECT_EQ(without_comment("a 'b # c"), "unclosed");
  EXPECT_EQ(without_comment("a \\"), "a \\");
}

TEST(ShellText, CommandsAreSplitOutsideOfQuotes) {
  std::string all;
  for (const auto& [text, separator] : commands_of("a 'x; y'; b && c || d | e 2>&1 &>f & g $(h; i)")) {
    all += fmt::format("[{}]{}", separator, text);
  }
  EXPECT_EQ(all, "[]a 'x; y'[;]b[&&]c[||]d[|]e 2>&1 &>f[&]g $(h; i)");
  EXPECT_TRUE(commands_of(" ; ;").empty());
}

TEST(ShellText, WordsLoseTheirQuotes) {
  EXPECT_EQ(shell_words("a 'b c' \"d 'e'\" f\\ g ''"), (Words{"a", "b c", "d 'e'", "f g", ""}));
  EXPECT_EQ(shell_words("wg set %i private-key <(pass show wg)"),
            (Words{"wg", "set", "%i", "private-key", "<(pass show wg)"}));
  EXPECT_TRUE(shell_words("  ").empty());
}

}  // namespace
}  // namespace adit::config
