// SPDX-License-Identifier: MIT
// Every message of yaml-cpp's that a text can provoke, in words of the user; and that none of the parser's gets
// through.
#include <gtest/gtest.h>

#include "config/expect_problems.h"
#include "config/yaml_tree.h"

namespace adit::config {
namespace {

std::string first_problem(std::string_view text) {
  Problems problems("f");
  (void)parse_yaml(text, problems);
  const auto errors = problems.take_errors();
  return errors.empty() ? "none" : to_string(errors.front());
}

TEST(YamlMistakes, AreSaidInTheUsersWords) {
  const std::pair<std::string, std::string> table[] = {
      {"a: [2001:db8::7]:51820\n",
       "f:1:4: brackets begin a list in YAML; put the address in quotes: \"[2001:db8::7]:51820\""},
      {"a:\n  b: [::]:5\n  c: d\n", "f:2:6: brackets begin a list"},
      {"a:\n  - [2001:db8::7]:51820\n", "f:2:5: brackets begin a list"},
      {"a:\n  b: 1\n   c: 2\n", "f:3:4: is indented otherwise than line 2"},
      {"a:\n  b: [1]\n   c: 2\n", "f:3:4: is indented otherwise than line 2"},
      {"a:\n   b: 1\n  c: 2\n", "f:3:3: is indented otherwise than line 2"},
      {"a:\n  b: 1\n c: 2\nd: 3\n", "f:3:2: is indented otherwise than line 2"},
      {"a:\n  - b\n c\n", "f:3:2: is indented otherwise than line 2"},
      {"a:\n  b:[1]\n  c: 2\n", "f:2:4: a space is missing behind the colon; write b: \"[1]\""},
      {"a:\n  b:1\n  c: 2\n", "f:2:4: a space is missing behind the colon; write b: \"1\""},
      {"a:\n  Mtu:1\n  c: 2\n", "f:2:6: a space is missing behind the colon; write Mtu: \"1\""},
      {"a: b: c\n", "f:1:5: a colon with a space behind it"},
      {"a: vpn.example.net: 51820\n", "f:1:19: a colon with a space behind it"},
      {"a: *b\n", "f:1:4: a value that begins with * means something else"},
      {"a: *:51820\n", "f:1:4: a value that begins with * means something else"},
      {"a: * b\n", "f:1:4: a value that begins with *"},
      {"a: &\n", "f:1:4: a value that begins with & means something else"},
      {"a: &b &c d\n", "f:1:4: a value that begins with &"},
      {"a: !<b\n", "f:1:4: a value that begins with ! means something else"},
      {"a: !b !c d\n", "f:1:4: a value that begins with !"},
      {"a: @b\n", "f:1:4: a value that begins with @"},
      {"a: `b`\n", "f:1:4: a value that begins with `"},
      {"a: %b\n", "f:1:4: a value that begins with %"},
      {"%YAML\n---\na: b\n", "% is a directive of YAML's"},
      {"%YAML 1\n---\na: b\n", "% is a directive of YAML's"},
      {"%YAML 9.9\n---\na: b\n", "% is a directive of YAML's"},
      {"%YAML 1.2\n%YAML 1.2\n---\na: b\n", "% is a directive of YAML's"},
      {"%TAG\n---\na: b\n", "% is a directive of YAML's"},
      {"%TAG ! b\n%TAG ! b\n---\na: b\n", "% is a directive of YAML's"},
      {"a: [b\n", "f:1:4: the bracket [ that opens here is never closed"},
      {"a: {b: c\n", "f:1:4: the brace { that opens here is never closed"},
      {"a: b ]\nc: }\n", "f:2:4: a value that begins with }"},
      {"a: [b}\n", "f:1:6: a bracket closes here that none has opened"},
      {"a: - b\n", "f:1:4: a list's `- ` cannot stand here"},
      {"a: b\n- c\n", "f:2:1:"},
      {"- b\na: c\n", "f:2:1:"},
      {"a: ? b\n", "f:1:4:"},
      {"a: \"\\q\"\n", "\\ in double quotes wants to be doubled"},
      {"a: \"\\xzz\"\n", "want hexadecimal digits"},
      {"a: \"\\ud800\"\n", "names no character"},
      {"a: \"b\n", "f:1:4: the quote that opens here is never closed"},
      {"a: \"b\n---\n\"\n", "--- or ... within quotes"},
      {"a: |0\n  b\n", "take no 0 behind them"},
      {"a: | b\n", "behind | or > nothing may follow"},
      {"a: 'b' c\n", "f:1:"},
      {"a: \"b\" c\n", "f:1:"},
  };
  for (const auto& [text, wanted] : table) {
    const auto problem = first_problem(text);
    EXPECT_NE(problem.find(wanted), std::string::npos) << text << problem;
    EXPECT_EQ(problem.find("is not valid YAML"), std::string::npos) << text << problem;
    EXPECT_EQ(problem.find("illegal"), std::string::npos) << text << problem;
    EXPECT_EQ(problem.find("not found"), std::string::npos) << text << problem;
  }
}

TEST(YamlMistakes, SectionsAndHooksThatPassForSomethingElse) {
  const Folder folder;
  expect_problems(folder, Parts{.peer = Parts().peer + "  keepalive:25s\n"}.text(),
                  {{"7:3: peer.keepalive:25s", "a space is missing behind the colon; write keepalive: \"25s\""}});
  expect_problems(folder, Parts{.rest = "routes:\n- 10.0.0.0/8\n - 10.1.0.0/16\n"}.text(),
                  {{"8:3: routes[0]", "the line below is indented otherwise than this one"}});
  expect_problems(folder, with_section("tuning", "crypto:auto"),
                  {{"8:3: tuning", "a space is missing behind the colon"}});
  expect_problems(folder, with_section("hooks", "up: {'iptables --comment \"vpn': 'in\" -j ACCEPT'}"),
                  {{"8:3: hooks.up", "put the whole command in single quotes"}});
  expect_problems(folder, with_section("hooks", "up: iptables -m comment --comment \"vpn #1\" -j ACCEPT"),
                  {{"8:7: hooks.up", "that begins a comment in YAML"}});
  EXPECT_TRUE(folder.read(with_section("hooks", "up: 'iptables -m comment --comment \"vpn #1\" -j ACCEPT'")));
  EXPECT_TRUE(folder.read(with_section("hooks", "up: |\n    cat >/tmp/x <<EOF\n    it's\n    EOF")));
  expect_problems(folder, with_section("hooks", "up: [a b: c]"),
                  {{"8:8: hooks.up[0]", "put the whole command in single"}});
}

}  // namespace
}  // namespace adit::config
