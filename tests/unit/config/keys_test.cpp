// SPDX-License-Identifier: MIT
#include "config/keys.h"

#include <gtest/gtest.h>

#include "config/expect_problems.h"

namespace adit::config {
namespace {

TEST(Keys, UnknownOnesComeWithTheLikelyMeaning) {
  const Folder folder;
  const auto base = Parts().text();
  const struct {
    std::string text;
    Expected expected;
  } table[] = {
      {base + "rotues: []\n", {"7:1: rotues", "unknown key; did you mean routes?"}},
      {base + "Log: {}\n", {"7:1: Log", "did you mean log?"}},
      {base + "logg: {}\n", {"7:1: logg", "did you mean log?"}},
      {base + "endpoint: a:1\n", {"7:1: endpoint", "unknown key here; did you mean peer.endpoint?"}},
      {base + "metric: 1\n", {"7:1: metric", "unknown key here; did you mean routes[].metric?"}},
      {base + "zzzzzz: 1\n",
       {"7:1: zzzzzz", "unknown key; known here: interface, local, peer, routes, log, tuning, hooks or dns"}},
      {base + "log: {levle: info}\n", {"7:7: log.levle", "did you mean level?"}},
      {base + "log: {interface.mtu: info}\n", {"7:7: log.interface.mtu", "unknown key; known here: level"}},
      {base + "interface.mtu: 1400\n", {"7:1: interface.mtu", "unknown key"}},
      {base + "routes[].to: 1400\n", {"7:1: routes[].to", "unknown key"}},
      {base + "routes: [{to: default, matric: 1}]\n", {"7:24: routes[0].matric", "did you mean metric?"}},
      {Parts{.peer = Parts().peer + "  PresharedKey: x\n"}.text(),
       {"7:3: peer.PresharedKey", "did you mean preshared_key?"}},
      {Parts{.peer = Parts().peer + "  AllowedIPs: x\n"}.text(), {"7:3: peer.AllowedIPs", "did you mean allowed_ips?"}},
      {Parts{.local = Parts().local + "  port: 1\n"}.text(),
       {"5:3: local.port", "unknown key; known here: private_key"}},
      {base + "\"\\e[2J\": 1\n", {"7:1: \"\\x1b[2J\"", "unknown key"}},
      {base + "\"\": 1\n", {"7:1: \"\"", "unknown key"}},
      {base + std::string(kPresharedKey) + ": 1\n", {"7:1: the text of 44 characters", "unknown key"}},
      {base + std::string(1000, 'x') + ": 1\n", {"7:1: the text of 1000 characters", "unknown key"}},
  };
  for (const auto& [text, expected] : table) expect_problems(folder, text, {expected});
}

TEST(Keys, RepeatedOnesNameTheFirst) {
  const Folder folder;
  expect_problems(folder, Parts().text() + "log:\n  level: info\n  level: debug\nlog: {}\n",
                  {{"9:3: log.level", "is given twice, first in line 8; keep one"},
                   {"10:1: log", "is given twice, first in line 7; keep one"}});
  expect_problems(folder, Parts().text() + "routes:\n- to: default\n  to: default\n",
                  {{"9:3: routes[0].to", "is given twice, first in line 8"}});
}

TEST(Keys, ThatAreUnknownGetAGuess) {
  const Folder folder;
  expect_problems(folder, Parts().text() + R"(tuning:
  wrokers: 2
  receive_bufer: 4M
)",
                  {{"8:3: tuning.wrokers", "unknown key; did you mean workers?"},
                   {"9:3: tuning.receive_bufer", "unknown key; did you mean receive_buffer?"}});
}

TEST(Keys, WithNothingBehindThemAreProblems) {
  const Folder folder;
  expect_problems(folder, "interface:\nlocal: ~\npeer: null\nroutes:\nlog:\ntuning:\n",
                  {{"1:1: interface", "has no value; write a mapping with keys such as name, addresses"},
                   {"2:1: local", "has no value"},
                   {"3:1: peer", "has no value"},
                   {"4:1: routes", "has no value; write a list"},
                   {"5:1: log", "has no value"},
                   {"6:1: tuning", "has no value; write a mapping with keys such as crypto, tun_offload"}});
  expect_problems(folder, Parts{.local = Parts().local + "  listen:\n"}.text(),
                  {{"5:3: local.listen", "has no value"}});
  expect_problems(folder, Parts{.local = Parts().local + "  listen: ''\n"}.text(),
                  {{"5:11: local.listen", "is empty"}});
}

/// "routes[].to" and a value give "routes: [{to: VALUE}]".
std::string at_path(std::string_view path, std::string_view value) {
  const auto dot = path.find('.');
  const auto inner =
      dot == std::string_view::npos ? std::string(value) : fmt::format("{{{}}}", at_path(path.substr(dot + 1), value));
  const auto name = path.substr(0, dot);
  if (!name.ends_with("[]")) return fmt::format("{}: {}", name, inner);
  return fmt::format("{}: [{}]", name.substr(0, name.size() - 2), inner);
}

TEST(Keys, EachIsReadByTheReader) {
  const Folder folder;
  for (const auto& known : known_keys()) {
    // A list of a list is right nowhere, so whoever reads the key must complain of its value.
    const std::string path(known);
    const auto text = at_path(path, "[[]]") + "\n";
    std::string wanted = path;
    if (const auto at = wanted.find("[]"); at != std::string::npos) wanted.insert(at + 1, "0");
    bool read = false;
    for (const auto& problem : folder.problems(text)) {
      read |= problem.find(fmt::format(": {}: is ", wanted)) != std::string::npos &&
              problem.find("missing") == std::string::npos;
      read |= problem.find(fmt::format(": {}[0]: is ", wanted)) != std::string::npos;
    }
    EXPECT_TRUE(read) << path;
  }
}

}  // namespace
}  // namespace adit::config
