// SPDX-License-Identifier: MIT
#include "config/wg_quick_hooks.h"

#include <gtest/gtest.h>

#include <random>

namespace adit::config {
namespace {

std::string shown(const Hook& hook) {
  std::string all = hook.shell ? "sh" : "";
  for (const auto& word : hook.words) all += "<" + word + ">";
  return all + (hook.required ? " required" : "");
}

std::string up(std::string_view line) {
  return shown(hook_from_wg_quick(line, HookKind::up, "office"));
}

TEST(WgQuickHooks, APlainCommandIsTextForTheShellAndMustSucceedAsWithWgQuick) {
  EXPECT_EQ(up("ip rule add from 10.9.0.1 table 100"), "sh<ip rule add from 10.9.0.1 table 100> required");
  EXPECT_EQ(up("ip rule add table 100 || true"), "sh<ip rule add table 100>");
  EXPECT_EQ(shown(hook_from_wg_quick("ip rule del table 100", HookKind::down, "office")), "sh<ip rule del table 100>");
}

TEST(WgQuickHooks, WhatNeedsBashGetsIt) {
  EXPECT_EQ(up("a; b"), "<bash><-eo><pipefail><-c><a; b> required");
  EXPECT_EQ(up("[[ -e /x ]] && a"), "<bash><-eo><pipefail><-c><[[ -e /x ]] && a> required");
  EXPECT_EQ(up("wg set %i private-key <(pass x) || true"),
            "<bash><-eo><pipefail><-c><wg set $ADIT_INTERFACE private-key <(pass x) || true> required");
  EXPECT_EQ(up("echo -e x"), "<bash><-eo><pipefail><-c><echo -e x> required");
  EXPECT_EQ(up("A=b c"), "<bash><-eo><pipefail><-c><A=b c> required");
}

TEST(WgQuickHooks, TheInterfaceIsAVariableWhereTheShellPutsItInAndElseItsName) {
  EXPECT_EQ(up("ip link set %i up"), "sh<ip link set $ADIT_INTERFACE up> required");
  EXPECT_EQ(up("log %i_up"), "sh<log ${ADIT_INTERFACE}_up> required");
  EXPECT_EQ(up("log '%i'; b"), "<bash><-eo><pipefail><-c><log 'office'; b> required");
  EXPECT_EQ(up("log $%i; b"), "<bash><-eo><pipefail><-c><log $office; b> required");
  EXPECT_EQ(up("'log' '%i'"), "<log><office> required");
}

TEST(WgQuickHooks, ALineSaysWhatTheHookDoes) {
  const auto line = [](const Hook& hook, HookKind kind = HookKind::up) {
    return hook_to_wg_quick(hook, kind, "office");
  };
  const std::chrono::seconds timeout{10};
  EXPECT_EQ(line({{"ip link set $ADIT_INTERFACE up"}, true, timeout, true}), "ip link set %i up");
  EXPECT_EQ(line({{"ip link set ${ADIT_INTERFACE} up"}, true}), "ip link set %i up || true");
  EXPECT_EQ(line({{"a; b"}, true, timeout, true}), "sh -c 'a; b'");
  EXPECT_EQ(line({{"a; b"}, true}, HookKind::down), "sh -c 'a; b'");
  EXPECT_EQ(line({{"a b"}, false}), "'a b' || true");
  EXPECT_EQ(line({{"printf %i\n"}, true, timeout, true}), R"(sh -c 'printf %''i'$'\n''')");
  EXPECT_EQ(line({{"it's", "#1"}, false, timeout, true}), R"('it'\''s' ''$'\x23''1')");
  EXPECT_EQ(line({{"bash", "-eo", "pipefail", "-c", "a; b $ADIT_INTERFACE"}, false, timeout, true}), "a; b %i");
  EXPECT_EQ(line({{"bash", "-eo", "pipefail", "-c", "a; b"}, false}), "'bash' '-eo' 'pipefail' '-c' 'a; b' || true");
  EXPECT_EQ(line({{"ADIT_INTERFACES=$ADIT_INTERFACES x"}, true, timeout, true}),
            "sh -c 'ADIT_INTERFACES=$ADIT_INTERFACES x'");
}

std::string random_text(std::mt19937& random, int longest) {
  static const std::vector<std::string> pieces{
      "a", "ip",      " ", "  ",     "'", "\"", "\\", "#", "\n",   "%i",  "%", "$ADIT_INTERFACE", "${ADIT_INTERFACE}",
      "$", "|| true", ";", "sh -c ", "`", "<<", "\t", "é", "true", "-eo", "=", "'\\''",           "$'\\n'"};
  std::string text;
  for (auto left = random() % longest; left > 0; --left) text += pieces[random() % pieces.size()];
  return text;
}

/// As wg-quick sees the hook: the interface's name is in it, by whatever way.
Hook resolved(Hook hook) {
  const bool shell = hook.shell || (hook.words.size() == 5 && hook.words[0] == "bash" && hook.words[1] == "-eo" &&
                                    hook.words[3] == "-c");
  for (const std::string variable : {"$ADIT_INTERFACE", "${ADIT_INTERFACE}"}) {
    auto& text = hook.words.back();
    for (auto at = text.find(variable); shell && at != std::string::npos; at = text.find(variable, at)) {
      const auto next = at + variable.size();
      const bool longer =
          variable[1] != '{' && next < text.size() && (std::isalnum(text[next]) != 0 || text[next] == '_');
      if (longer) {
        ++at;
      } else {
        text.replace(at, variable.size(), "office");
      }
    }
  }
  return hook;
}

TEST(WgQuickHooks, EveryHookComesBackAsItWas) {
  std::mt19937 random(7);
  for (int i = 0; i < 50'000; ++i) {
    Hook hook;
    hook.shell = random() % 2 == 0;
    if (!hook.shell && random() % 4 == 0) hook.words = {"bash", "-eo", "pipefail", "-c"};
    for (auto words = hook.shell ? 1 : 1 + random() % 3; words > 0; --words) {
      hook.words.push_back(random_text(random, 6) + "x");
    }
    const auto kind = random() % 2 == 0 ? HookKind::up : HookKind::down;
    hook.required = kind == HookKind::up && random() % 2 == 0;
    const auto line = hook_to_wg_quick(hook, kind, "office");
    ASSERT_EQ(line.find_first_of("#\n"), std::string::npos) << line;
    const auto again = hook_from_wg_quick(line, kind, "office");
    ASSERT_EQ(shown(resolved(again)), shown(resolved(hook))) << line;
  }
}

TEST(WgQuickHooks, EveryLineComesBackAsOneThatDoesTheSame) {
  std::mt19937 random(8);
  for (int i = 0; i < 50'000; ++i) {
    auto line = random_text(random, 8);
    line = line.substr(0, line.find_first_of("#\n"));
    while (line.ends_with(' ') || line.ends_with('\t')) line.pop_back();
    while (line.starts_with(' ') || line.starts_with('\t')) line.erase(0, 1);
    if (line.empty()) continue;
    const auto first = hook_from_wg_quick(line, HookKind::up, "office");
    const auto second = hook_from_wg_quick(hook_to_wg_quick(first, HookKind::up, "office"), HookKind::up, "office");
    ASSERT_EQ(shown(resolved(first)), shown(resolved(second))) << line;
  }
}

}  // namespace
}  // namespace adit::config
