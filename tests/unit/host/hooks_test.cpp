// SPDX-License-Identifier: MIT
#include "host/hooks.h"
#include "recorded_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <sstream>

namespace adit::host {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

/// One of our own variables, otherwise for a while; null: not set.
class Variable {
 public:
  Variable(const char* name, const char* value) : name_(name) {
    if (const char* const before = std::getenv(name)) before_ = before;
    set(value);
  }
  ~Variable() { set(before_ ? before_->c_str() : nullptr); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  void set(const char* value) const {
    if (value == nullptr) {
      ::unsetenv(name_);
    } else {
      ::setenv(name_, value, 1);
    }
  }
  const char* name_;
  std::optional<std::string> before_;
};

HookFacts facts() {
  return {.link = "office",
          .interface = "adit0",
          .addresses = {IpNetwork::parse("10.9.0.1/30").value(), IpNetwork::parse("fd09::1/126").value()},
          .mtu = 1420,
          .routes = {IpNetwork::parse("192.168.20.0/24").value(), IpNetwork::parse("0.0.0.0/0").value()},
          .listen = 51820,
          .peer = {},
          .endpoint = Endpoint::parse("192.0.2.7:4000").value()};
}

config::Hook shell(std::string script, std::chrono::seconds timeout = 60s, bool required = false) {
  return {.words = {std::move(script)}, .shell = true, .timeout = timeout, .required = required};
}

class HooksTest : public ::testing::Test {
 protected:
  std::vector<std::string> lines() { return logger_.take_lines(); }
  void begin_up(const std::vector<config::Hook>& hooks) {
    hooks_.up(hooks, facts(), [this](const Result<>& result) { up_ = result; });
  }
  void begin_down(const std::vector<config::Hook>& hooks) {
    hooks_.down(hooks, facts(), [this] { down_ = true; });
  }
  Result<> up(const std::vector<config::Hook>& hooks) {
    begin_up(hooks);
    while (!up_) loop_.run_once();
    return *up_;
  }
  void down(const std::vector<config::Hook>& hooks) {
    begin_down(hooks);
    while (!down_) loop_.run_once();
  }

  test::RecordedLog logger_;
  net::EventLoop loop_;
  Hooks hooks_{loop_, logger_};
  std::optional<Result<>> up_;
  bool down_ = false;
};

TEST(HookEnvironment, HoldsTheLinksFactsAndThreeVariablesOfOurs) {
  const Variable path("PATH", "/somewhere:/else");
  const Variable home("HOME", "/home/adit");
  const Variable lang("LANG", "C.UTF-8");
  const Variable other("NOTIFY_SOCKET", "/run/systemd/notify");
  EXPECT_THAT(
      hook_environment(HookEvent::up, facts()),
      ElementsAre("ADIT_EVENT=up", "ADIT_LINK=office", "ADIT_INTERFACE=adit0",
                  "ADIT_NETNS=", "ADIT_ADDRESSES=10.9.0.1/30 fd09::1/126", "ADIT_MTU=1420", "ADIT_LISTEN=51820",
                  "ADIT_PEER=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "ADIT_ENDPOINT=192.0.2.7:4000",
                  "ADIT_ROUTES=192.168.20.0/24 0.0.0.0/0", "PATH=/somewhere:/else", "HOME=/home/adit", "LANG=C.UTF-8"));
}

TEST(HookEnvironment, SaysNothingOfAnEndpointNobodyKnowsAndHasAPathEvenIfWeDoNot) {
  const Variable path("PATH", nullptr);
  auto unknown = facts();
  unknown.endpoint = {};
  const auto environment = hook_environment(HookEvent::down, unknown);
  EXPECT_THAT(environment, Contains("ADIT_EVENT=down"));
  EXPECT_THAT(environment, Contains("ADIT_ENDPOINT="));
  EXPECT_THAT(environment, Contains("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"));
}

TEST(HookEnvironment, HasAsManyRoutesAsAVariableMayHold) {
  auto many = facts();
  many.routes.assign(16'384, IpNetwork::parse("2001:db8:1234:5678::/64").value());
  const auto environment = hook_environment(HookEvent::up, many);
  std::size_t there = 0;
  std::size_t left_out = 0;
  for (const auto& variable : environment) {
    EXPECT_LT(variable.size(), 128U * 1024);
    if (variable.starts_with("ADIT_ROUTES=")) {
      there = static_cast<std::size_t>(std::ranges::count(variable, ' ')) + 1;
      EXPECT_TRUE(variable.ends_with(" 2001:db8:1234:5678::/64"));
    }
    if (variable.starts_with("ADIT_ROUTES_LEFT_OUT=")) left_out = std::stoul(variable.substr(variable.find('=') + 1));
  }
  EXPECT_GT(there, 1000U);
  EXPECT_EQ(there + left_out, many.routes.size());
}

TEST(CommandText, IsOneLineOfBoundedLength) {
  EXPECT_EQ(command_text({.words = {"ip", "rule", "add"}}), "\"ip rule add\"");
  EXPECT_EQ(command_text(shell("one\n\ttwo\x1b[2J\n")), "\"one  two [2J\"");
  EXPECT_EQ(command_text(shell(std::string(121, 'x'))), "\"" + std::string(120, 'x') + "…\"");
}

TEST_F(HooksTest, RunForALinkWithThousandsOfRoutes) {
  auto many = facts();
  many.routes.assign(16'384, IpNetwork::parse("2001:db8:1234:5678::/64").value());
  hooks_.up({shell("exit 0")}, many, [this](const Result<>& result) { up_ = result; });
  while (!up_) loop_.run_once();
  EXPECT_THAT(lines(), testing::Not(Contains(HasSubstr("cannot be run"))));
}

TEST_F(HooksTest, NoneAreDoneAtOnce) {
  begin_up({});
  ASSERT_TRUE(up_);
  EXPECT_TRUE(*up_);
  begin_down({});
  EXPECT_TRUE(down_);
  EXPECT_THAT(lines(), IsEmpty());
}

TEST_F(HooksTest, OfStatesRunOneAtATimeAndThenWithTheNewest) {
  const auto now = [](const char* state) {
    auto all = facts();
    all.state = state;
    all.reason = "why";
    return all;
  };
  const std::vector<config::Hook> hooks = {
      shell("echo $ADIT_EVENT $ADIT_STATE $ADIT_PREVIOUS $ADIT_REASON; sleep 0.2")};
  hooks_.state(hooks, now("connecting"));
  EXPECT_THAT(lines(), IsEmpty()) << "not before what belongs to the start";
  EXPECT_TRUE(up({shell("echo first")}));
  EXPECT_FALSE(hooks_.running()) << "that is of up and down";
  for (int i = 0; i < 100; ++i) hooks_.state(hooks, now(i % 2 == 0 ? "up" : "stale"));
  std::vector<std::string> seen;
  while (seen.size() < 3) {
    loop_.run_once();
    for (auto& line : lines()) seen.push_back(std::move(line));
  }
  EXPECT_THAT(seen, ElementsAre("info: hooks.up: first", "info: hooks.state: state connecting why",
                                "info: hooks.state: state stale connecting why"));
  hooks_.state(hooks, now("up"));
  down({shell("echo last")});
  hooks_.state(hooks, now("failed"));
  EXPECT_THAT(lines(), Contains("info: hooks.down: last"));
}

TEST_F(HooksTest, OfStatesMayFailAndTheNextStillRuns) {
  hooks_.begin();
  auto all = facts();
  all.state = "up";
  hooks_.state({shell("echo one; exit 1"), shell("echo two")}, all);
  std::vector<std::string> seen;
  while (seen.size() < 3) {
    loop_.run_once();
    for (auto& line : lines()) seen.push_back(std::move(line));
  }
  EXPECT_THAT(seen,
              ElementsAre("info: hooks.state: one", HasSubstr("failed with exit status 1"), "info: hooks.state: two"));
}

TEST_F(HooksTest, RunOneAfterTheOtherAndArePassedTheirEnvironment) {
  EXPECT_TRUE(
      up({shell("sleep 0.1; echo first of $ADIT_LINK"), {.words = {"printenv", "ADIT_EVENT"}, .timeout = 60s}}));
  down({shell("echo \"$ADIT_EVENT\"; exit 0")});
  EXPECT_THAT(lines(), ElementsAre("info: hooks.up: first of office", "info: hooks.up: up", "info: hooks.down: down"));
}

TEST_F(HooksTest, ThatFailAreToldAndTheNextOneRuns) {
  EXPECT_TRUE(up({shell("echo why; exit 3"),
                  shell("kill -KILL $$"),
                  shell("nosuchcommand 2>&-"),
                  {.words = {"/nowhere"}, .timeout = 60s},
                  shell("/etc/passwd 2>/dev/null"),
                  shell("echo last")}));
  EXPECT_THAT(
      lines(),
      ElementsAre("info: hooks.up: why",
                  "warning: hooks.up: \"echo why; exit 3\" failed with exit status 3; what it printed stands above",
                  "warning: hooks.up: \"kill -KILL $$\" was ended by SIGKILL; it printed nothing, so run it by hand to "
                  "see why",
                  StartsWith("warning: hooks.up: \"nosuchcommand 2>&-\" failed with exit status 127, the shell's for a "
                             "command it does not find"),
                  StartsWith("warning: hooks.up: \"/nowhere\" cannot be run: No such file or directory (ENOENT); see"),
                  StartsWith("warning: hooks.up: \"/etc/passwd 2>/dev/null\" failed with exit status 126, the shell's "
                             "for a command it may not run"),
                  "info: hooks.up: last"));
}

TEST_F(HooksTest, ThatHangAreEndedAndTold) {
  EXPECT_TRUE(up({shell("sleep 1000", 1s), shell("echo next")}));
  EXPECT_THAT(lines(), ElementsAre("warning: hooks.up: \"sleep 1000\" took longer than 1s and was ended; raise its "
                                   "timeout, or let it go on in the background",
                                   "info: hooks.up: next"));
}

TEST_F(HooksTest, ThatAreRequiredEndTheRowWhenTheyFail) {
  const auto result = up({shell("exit 2", 60s, true), shell("echo next")});
  ASSERT_FALSE(result);
  EXPECT_EQ(
      result.error().message,
      "hooks.up: \"exit 2\" failed with exit status 2; it printed nothing, so run it by hand to see why; the link "
      "does not go on without, as the hook says required: true");
  EXPECT_THAT(lines(), IsEmpty());
}

TEST_F(HooksTest, MayBeginDownFromWithinTheFailureOfUp) {
  for (const auto& bad : {shell("exit 2", 60s, true), config::Hook{.words = {"/nowhere"}, .required = true}}) {
    Hooks hooks(loop_, logger_);
    down_ = false;
    hooks.up({bad, shell("echo next")}, facts(), [&](const Result<>& result) {
      EXPECT_FALSE(result);
      hooks.down({shell("echo cleared"), shell("echo up")}, facts(), [&] { down_ = true; });
    });
    while (!down_) loop_.run_once();
    EXPECT_THAT(lines(), ElementsAre("info: hooks.down: cleared", "info: hooks.down: up"));
  }
}

TEST_F(HooksTest, OfDownWaitUntilThoseOfUpHaveBeenEnded) {
  begin_up({shell("trap 'echo ended; exit 1' TERM; echo begun; sleep 1000 & wait"), shell("echo next")});
  std::string all;
  while (all.find("begun") == std::string::npos) {
    loop_.run_once();
    all = logger_.text();
  }
  EXPECT_FALSE(hooks_.ending());
  begin_down({shell("echo down")});
  EXPECT_TRUE(hooks_.ending());
  while (!down_) loop_.run_once();
  EXPECT_FALSE(up_) << "nobody is told of the end of up any more";
  EXPECT_THAT(lines(), ElementsAre("info: hooks.up: begun", "info: hooks.up: ended",
                                   AllOf(StartsWith("info: hooks.up: "), HasSubstr("was ended, since the link ends")),
                                   "info: hooks.down: down"));
}

TEST_F(HooksTest, RunAgainForALinkThatStaysAfterAll) {
  for (int i = 0; i < 2; ++i) {
    up_.reset();
    down_ = false;
    EXPECT_TRUE(up({shell("echo up")}));
    EXPECT_FALSE(hooks_.ending());
    down({shell("echo down")});
    EXPECT_THAT(lines(), ElementsAre("info: hooks.up: up", "info: hooks.down: down"));
  }
}

TEST_F(HooksTest, OfAStateThatHadToWaitDoNotRunOnceTheLinkEnds) {
  begin_up({shell("sleep 1000")});
  hooks_.state({{.words = {"/nowhere"}}}, facts());
  down({shell("echo down")});
  EXPECT_THAT(lines(), ElementsAre(HasSubstr("was ended, since the link ends"), "info: hooks.down: down"));
}

TEST_F(HooksTest, ThatPrintTooMuchAreToldToHave) {
  EXPECT_TRUE(up({shell("seq 1000")}));
  const auto told = lines();
  ASSERT_EQ(told.size(), net::OutputLines::kMaxLines + 1);
  EXPECT_EQ(told.back(), "info: hooks.up: 900 more lines are left out");
}

}  // namespace
}  // namespace adit::host
