// SPDX-License-Identifier: MIT
#include "net/child_process.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <csignal>
#include <fstream>
#include <optional>

#include "base/descriptor_limit.h"

namespace adit::net {
namespace {

using namespace std::chrono_literals;
using testing::AnyOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using How = ChildEnd::How;

/// One child in a loop of its own, which turns until the child has ended.
struct Watched {
  EventLoop loop;
  std::vector<std::string> lines;
  std::optional<ChildEnd> end;
  std::unique_ptr<ChildProcess> child;
  std::string error;

  bool start(std::vector<std::string> words, Duration timeout = 60s, std::vector<std::string> environment = {}) {
    auto started = ChildProcess::start(
        loop, {.words = std::move(words), .environment = std::move(environment), .timeout = timeout},
        [this](std::string_view line) { lines.emplace_back(line); },
        [this](const ChildEnd& how) {
          end = how;
          child.reset();
        });
    if (!started) error = started.error().message;
    if (started) child = std::move(*started);
    return started.has_value();
  }
  void shell(const std::string& script, Duration timeout = 60s) {
    ASSERT_TRUE(start({"/bin/sh", "-c", script}, timeout));
  }
  /// Runs a script until it is timed out, with ever more time until it has got as far as to print so many lines: how
  /// long a shell takes to begin is up to the machine.
  ChildEnd time_out(const std::string& script, std::size_t least_lines) {
    for (Duration timeout = 100ms;; timeout *= 2) {
      lines.clear();
      end.reset();
      shell(script, timeout);
      const auto how = wait();
      if (lines.size() >= least_lines) return how;
    }
  }
  ChildEnd wait() {
    while (!end) loop.run_once();
    return *end;
  }
  bool wait_for_line() {
    while (lines.empty() && !end) loop.run_once();
    return !lines.empty();
  }
};

bool is_alive(pid_t pid) {
  // An orphan that was killed may wait for its new parent to notice.
  std::string word;
  std::ifstream status(fmt::format("/proc/{}/stat", pid));
  status >> word >> word >> word;
  return !word.empty() && word != "Z" && word != "X";
}

TEST(ChildProcess, GetsTheLimitOfDescriptorsThatWeWereGiven) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit given{.rlim_cur = 200, .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &given), 0);
  {
    const RaisedDescriptorLimit raised;
    Watched watched;
    watched.shell("ulimit -n");
    watched.wait();
    EXPECT_THAT(watched.lines, ElementsAre("200"));
    rlimit now{};
    EXPECT_EQ(::getrlimit(RLIMIT_NOFILE, &now), 0);
    EXPECT_GT(now.rlim_cur, 200U);
  }
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
}

TEST(ChildProcess, TellsWhatItPrintsAndItsExitStatus) {
  Watched run;
  run.shell("echo one; echo two >&2; printf three; exit 7");
  const auto end = run.wait();
  EXPECT_EQ(end.how, How::exited);
  EXPECT_EQ(end.number, 7);
  EXPECT_FALSE(end.succeeded());
  EXPECT_THAT(run.lines, ElementsAre("one", "two", "three"));
}

TEST(ChildProcess, TellsTheSignalThatEndedIt) {
  Watched run;
  run.shell("kill -ABRT $$");
  const auto end = run.wait();
  EXPECT_EQ(end.how, How::signalled);
  EXPECT_EQ(end.number, SIGABRT);
}

TEST(ChildProcess, WordsReachTheProgramAsTheyStand) {
  Watched run;
  ASSERT_TRUE(run.start({"printf", "<%s>\n", "a  b", "$HOME", "*"}));
  EXPECT_TRUE(run.wait().succeeded());
  EXPECT_THAT(run.lines, ElementsAre("<a  b>", "<$HOME>", "<*>"));
}

TEST(ChildProcess, HasTheEnvironmentItIsGivenAndNoOther) {
  Watched run;
  ::setenv("ADIT_TEST_OF_OURS", "x", 1);
  ASSERT_TRUE(run.start({"/usr/bin/env"}, 60s, {"A=1", "B=two words"}));
  run.wait();
  EXPECT_THAT(run.lines, ElementsAre("A=1", "B=two words"));
}

TEST(ChildProcess, HasNoDescriptorsOfOursAndAnEmptyInput) {
  Watched run;
  const FileDescriptor forgotten(::open("/dev/zero", O_RDONLY));
  run.shell("ls /proc/$$/fd; cat; readlink /proc/self/fd/0");
  EXPECT_TRUE(run.wait().succeeded());
  EXPECT_THAT(run.lines, ElementsAre("0", "1", "2", "/dev/null"));
}

TEST(ChildProcess, HasSignalsAsALoginShellHasThem) {
  Watched run;
  sigset_t blocked;
  sigset_t before;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &blocked, &before);
  const auto pipe = std::signal(SIGPIPE, SIG_IGN);
  run.shell("grep -E '^Sig(Blk|Ign)' /proc/self/status");
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  std::signal(SIGPIPE, pipe);
  run.wait();
  // 32 and 33 are glibc's own, and ignored.
  EXPECT_THAT(run.lines,
              ElementsAre("SigBlk: 0000000000000000", AnyOf("SigIgn: 0000000000000000", "SigIgn: 0000000180000000")));
}

TEST(ChildProcess, KeepsItsExitStatusThoughWeWereStartedWithSigchldIgnored) {
  Watched run;
  std::signal(SIGCHLD, SIG_IGN);
  run.shell("exit 3");
  EXPECT_EQ(run.wait().number, 3);
}

TEST(ChildProcess, IsNotStartedIfThereIsNoSuchProgram) {
  Watched run;
  EXPECT_FALSE(run.start({"/nowhere/to/be/found"}));
  EXPECT_THAT(run.error, HasSubstr("No such file or directory"));
  EXPECT_FALSE(run.start({"/etc/passwd"}));
  EXPECT_THAT(run.error, HasSubstr("Permission denied"));
}

TEST(ChildProcess, IsEndedWithAllItStartedWhenItsTimeIsUp) {
  Watched run;
  EXPECT_EQ(run.time_out("sleep 1000 & echo $!; wait", 1).how, How::timed_out);
  ASSERT_EQ(run.lines.size(), 1);
  const auto grandchild = static_cast<pid_t>(std::stoi(run.lines[0]));
  while (is_alive(grandchild)) run.loop.run_once(10ms);
}

TEST(ChildProcess, IsKilledIfItTakesNoNoticeOfSigterm) {
  Watched run;
  const auto end = run.time_out("trap '' TERM; echo ready; while :; do sleep 1000; done", 1);
  EXPECT_EQ(end.how, How::timed_out);
  EXPECT_EQ(end.number, SIGKILL);
}

TEST(ChildProcess, IsEndedWhenItIsCancelled) {
  Watched run;
  run.shell("echo ready; sleep 1000");
  ASSERT_TRUE(run.wait_for_line());
  run.child->cancel();
  run.child->cancel();
  EXPECT_EQ(run.wait().how, How::cancelled);
}

TEST(ChildProcess, IsKilledByTheDestructor) {
  Watched run;
  run.shell("echo $$; sleep 1000; :");
  ASSERT_TRUE(run.wait_for_line());
  const auto pid = static_cast<pid_t>(std::stoi(run.lines[0]));
  run.child.reset();
  while (is_alive(pid)) run.loop.run_once(10ms);
  EXPECT_FALSE(run.end);
}

TEST(ChildProcess, MayLeaveOthersRunningThatHoldItsOutput) {
  Watched run;
  run.shell("sleep 1000 & echo $!");
  EXPECT_TRUE(run.wait().succeeded());
  ASSERT_EQ(run.lines.size(), 1);
  const auto left = static_cast<pid_t>(std::stoi(run.lines[0]));
  EXPECT_TRUE(is_alive(left));
  ::kill(left, SIGKILL);
}

TEST(ChildProcess, MayCloseItsOutputLongBeforeItsEnd) {
  Watched run;
  run.shell("exec >&- 2>&-; sleep 0.2; exit 4");
  int turns = 0;
  while (!run.end) turns += run.loop.run_once() ? 1 : 0;
  EXPECT_EQ(run.end->number, 4);
  EXPECT_LT(turns, 10) << "the loop spins";
}

TEST(ChildProcess, ThatPrintsWithoutEndIsHeardForAWhileAndEndedInTime) {
  Watched run;
  const auto end = run.time_out("exec yes", OutputLines::kMaxLines);
  EXPECT_EQ(end.how, How::timed_out);
  EXPECT_EQ(run.lines.size(), OutputLines::kMaxLines);
  EXPECT_GT(end.lines_left_out, 0);
}

std::vector<std::string> lines_of(const std::vector<std::string>& parts) {
  std::vector<std::string> lines;
  OutputLines output([&](std::string_view line) { lines.emplace_back(line); });
  for (const auto& part : parts) output.add(part);
  output.finish();
  return lines;
}

TEST(OutputLines, AreCutWhereTheyEndHoweverTheyArrive) {
  EXPECT_THAT(lines_of({"on", "e\ntw", "o\r\n", "\n\n", "three"}), ElementsAre("one", "two", "three"));
  EXPECT_THAT(lines_of({}), IsEmpty());
}

TEST(OutputLines, HoldNothingThatATerminalWouldObey) {
  EXPECT_THAT(lines_of({"a\x1b[2Jb\tc\rd\x7f", std::string("\0e", 2) + "€\n"}), ElementsAre("a?[2Jb c?d??e€"));
}

TEST(OutputLines, ThatAreTooLongLoseTheirEnd) {
  const std::string longest(OutputLines::kMaxLine, 'x');
  EXPECT_THAT(lines_of({longest + "\n", longest + "y\n", longest, longest, "\nz"}),
              ElementsAre(longest, longest + "…", longest + "…", "z"));
  const auto halved = std::string(OutputLines::kMaxLine - 1, 'x');
  EXPECT_THAT(lines_of({halved + "€€"}), ElementsAre(halved + "…"));
}

TEST(OutputLines, BeyondTheLimitAreCounted) {
  std::uint64_t count = 0;
  OutputLines output([&](std::string_view) { ++count; });
  for (std::uint64_t i = 0; i < OutputLines::kMaxLines + 5; ++i) output.add("x\n");
  EXPECT_EQ(count, OutputLines::kMaxLines);
  EXPECT_EQ(output.left_out(), 5);
}

}  // namespace
}  // namespace adit::net
