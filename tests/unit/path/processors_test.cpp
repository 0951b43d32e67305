// SPDX-License-Identifier: MIT
#include "path/processors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <fstream>
#include <thread>

#include "temporary_directory.h"

namespace adit::path {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class ProcessorsTest : public ::testing::Test {
 protected:
  /// With control group `group`, and what `cpu.max` of it or of one above it says.
  std::size_t count(const std::string& group, const std::string& place, const std::string& quota) {
    return look(group, place, quota).count;
  }
  Processors look(const std::string& group, const std::string& place, const std::string& quota) {
    const auto root = folder_.path() / std::to_string(++number_);
    write(root / "proc/self/cgroup", "0::" + group + "\n");
    std::filesystem::create_directories(root / "sys/fs/cgroup");
    if (!quota.empty()) write(root / "sys/fs/cgroup" / place / "cpu.max", quota + "\n");
    return usable_processors(root);
  }
  static void write(const std::filesystem::path& path, const std::string& text) {
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
  /// As where there could be `possible` processors, and this thread may use one of them.
  static Processors look_among(std::uint32_t possible) {
    Processors seen;
    std::thread([&] {
      cpu_set_t one;
      CPU_ZERO(&one);
      CPU_SET(static_cast<std::size_t>(sched_getcpu()), &one);
      EXPECT_EQ(sched_setaffinity(0, sizeof one, &one), 0);
      refuse_sets_for_fewer_than(possible);
      seen = usable_processors(std::filesystem::path("/nowhere"));
    }).join();
    return seen;
  }
  /// What the kernel does of itself where there may be so many.
  static void refuse_sets_for_fewer_than(std::uint32_t possible) {
    std::array program{
        sock_filter BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        sock_filter BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_sched_getaffinity, 0, 3),
        sock_filter BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args) + sizeof(std::uint64_t)),
        sock_filter BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, possible / 8, 1, 0),
        sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL),
        sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const sock_fprog filter{.len = program.size(), .filter = program.data()};
    EXPECT_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
    EXPECT_EQ(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter), 0);
  }
  static std::size_t by_affinity() {
    cpu_set_t set;
    CPU_ZERO(&set);
    return sched_getaffinity(0, sizeof set, &set) == 0 ? static_cast<std::size_t>(CPU_COUNT(&set)) : 0;
  }

  adit::test::TemporaryDirectory folder_;
  int number_ = 0;
};

TEST_F(ProcessorsTest, AreThoseOfTheAffinityUnlessAQuotaAllowsFewer) {
  EXPECT_EQ(count("/a.slice/b.service", "", ""), by_affinity());
  EXPECT_EQ(count("/a.slice/b.service", "a.slice", "max 100000"), by_affinity());
  EXPECT_EQ(count("/a.slice/b.service", "a.slice/b.service", "100000 100000"), 1U);
  EXPECT_EQ(count("/a.slice/b.service", "a.slice", "199000 100000"), 1U) << "of the group above";
  EXPECT_EQ(count("/", "", "50000 100000"), 1U) << "there is always one";
  EXPECT_EQ(count("/a.slice/b.service", "c.slice", "100000 100000"), by_affinity()) << "another's";
  EXPECT_EQ(count("/a.slice/b.service", "a.slice", "nonsense"), by_affinity());
}

TEST_F(ProcessorsTest, AreCountedOnTheLargestMachines) {
  EXPECT_EQ(look_among(1024).count, 1U);
  EXPECT_EQ(look_among(8192).count, 1U);
}

TEST_F(ProcessorsTest, ThatCannotBeCountedSetNoLimit) {
  const auto processors = look_among(1U << 30);
  EXPECT_EQ(workers_for({}, processors).count, 4U);
  const auto eight = workers_for({.workers = 8}, processors);
  EXPECT_EQ(eight.count, 8U);
  EXPECT_EQ(name_of(eight.limit), "");
}

TEST_F(ProcessorsTest, ThatSayNothingOfControlGroupsCountAsTheyAre) {
  EXPECT_EQ(usable_processors(folder_.path() / "nowhere").count, by_affinity());
}

TEST_F(ProcessorsTest, OfAQuotaAreToldFromThoseOfTheMachine) {
  EXPECT_EQ(look("/a.slice", "", "").limit, Limit::processors);
  EXPECT_EQ(look("/a.slice", "a.slice", "6400000 100000").limit, Limit::processors) << "it allows more than there are";
  if (by_affinity() < 2) GTEST_SKIP() << "a quota of one processor is no less than there is";
  EXPECT_EQ(look("/a.slice", "a.slice", "100000 100000").limit, Limit::quota);
}

TEST(Workers, AreAsManyAsTheFileSaysOrAsHaveSomethingToDo) {
  const auto count = [](const config::Tuning& tuning, std::size_t processors) {
    return workers_for(tuning, {.count = processors}).count;
  };
  EXPECT_EQ(count({}, 1), 1U);
  EXPECT_EQ(count({}, 2), 1U);
  EXPECT_EQ(count({}, 3), 3U);
  EXPECT_EQ(count({}, 4), 4U);
  EXPECT_EQ(count({}, 64), 4U);
  EXPECT_EQ(count({.workers = 2}, 2), 2U);
  EXPECT_EQ(count({.workers = 16}, 64), 16U);
  EXPECT_EQ(count({.workers = 1}, 64), 1U);
}

TEST(Workers, AreNoMoreThanTheProcessorsWhateverTheFileSays) {
  const config::Tuning three{.workers = 3};
  const auto limited = workers_for(three, {.count = 2});
  EXPECT_EQ(limited.count, 2U);
  EXPECT_EQ(name_of(limited.limit), "processors");
  EXPECT_THAT(describe(three, limited),
              AllOf(HasSubstr("tuning.workers asks for 3 threads"), HasSubstr("may use 2 processors"),
                    HasSubstr("so there are 2:"), HasSubstr("CPUAffinity=")));
  const auto by_quota = workers_for(three, {.count = 1, .limit = Limit::quota});
  EXPECT_EQ(by_quota.count, 1U);
  EXPECT_EQ(name_of(by_quota.limit), "quota");
  EXPECT_THAT(describe(three, by_quota),
              AllOf(HasSubstr("the time of 1 processor is"), HasSubstr("so there is 1:"), HasSubstr("CPUQuota=")));
}

TEST(Workers, ThatAreAsManyAsWereAskedForNeedNoWords) {
  for (const auto& tuning : {config::Tuning{}, config::Tuning{.workers = 2}}) {
    const auto workers = workers_for(tuning, {.count = 2, .limit = Limit::quota});
    EXPECT_EQ(name_of(workers.limit), "");
    EXPECT_EQ(describe(tuning, workers), "");
  }
}

TEST(Workers, OfWhichSomeCouldNotBeStartedAreThoseThatAreThere) {
  const config::Tuning tuning{.workers = 4};
  const auto wanted = workers_for(tuning, {.count = 4});
  EXPECT_EQ(name_of(workers_that_are_there(wanted, 4).limit), "");
  const auto there = workers_that_are_there(wanted, 1);
  EXPECT_EQ(there.count, 1U);
  EXPECT_EQ(name_of(there.limit), "tasks");
  EXPECT_THAT(describe(tuning, there), AllOf(HasSubstr("only 1 thread that moves packets"), HasSubstr("TasksMax")));
  const auto fewer = workers_for(tuning, {.count = 2});
  EXPECT_EQ(name_of(workers_that_are_there(fewer, 2).limit), "processors");
}

}  // namespace
}  // namespace adit::path
