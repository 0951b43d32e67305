// SPDX-License-Identifier: MIT
#include "path/processors.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <fstream>

#include "temporary_directory.h"

namespace adit::path {
namespace {

class Processors : public ::testing::Test {
 protected:
  /// With control group `group`, and what `cpu.max` of it or of one above it says.
  std::size_t count(const std::string& group, const std::string& place, const std::string& quota) {
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
  static std::size_t by_affinity() {
    cpu_set_t set;
    CPU_ZERO(&set);
    return sched_getaffinity(0, sizeof set, &set) == 0 ? static_cast<std::size_t>(CPU_COUNT(&set)) : 0;
  }

  adit::test::TemporaryDirectory folder_;
  int number_ = 0;
};

TEST_F(Processors, AreThoseOfTheAffinityUnlessAQuotaAllowsFewer) {
  EXPECT_EQ(count("/a.slice/b.service", "", ""), by_affinity());
  EXPECT_EQ(count("/a.slice/b.service", "a.slice", "max 100000"), by_affinity());
  EXPECT_EQ(count("/a.slice/b.service", "a.slice/b.service", "100000 100000"), 1U);
  EXPECT_EQ(count("/a.slice/b.service", "a.slice", "199000 100000"), 1U) << "of the group above";
  EXPECT_EQ(count("/", "", "50000 100000"), 1U) << "there is always one";
  EXPECT_EQ(count("/a.slice/b.service", "c.slice", "100000 100000"), by_affinity()) << "another's";
  EXPECT_EQ(count("/a.slice/b.service", "a.slice", "nonsense"), by_affinity());
}

TEST_F(Processors, ThatSayNothingOfControlGroupsCountAsTheyAre) {
  EXPECT_EQ(usable_processors(folder_.path() / "nowhere"), by_affinity());
}

TEST(Workers, AreAsManyAsTheFileSaysOrAsHaveSomethingToDo) {
  EXPECT_EQ(workers_for({}, 1), 1U);
  EXPECT_EQ(workers_for({}, 2), 1U);
  EXPECT_EQ(workers_for({}, 3), 3U);
  EXPECT_EQ(workers_for({}, 4), 4U);
  EXPECT_EQ(workers_for({}, 64), 4U);
  EXPECT_EQ(workers_for({.workers = 2}, 1), 2U);
  EXPECT_EQ(workers_for({.workers = 1}, 64), 1U);
}

}  // namespace
}  // namespace adit::path
