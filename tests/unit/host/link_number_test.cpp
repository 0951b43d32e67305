// SPDX-License-Identifier: MIT
#include "host/link_number.h"

#include <fmt/core.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <string>

namespace adit::host {
namespace {

class LinkNumber : public testing::Test {
 protected:
  LinkNumber() {
    std::string name = std::filesystem::temp_directory_path() / "adit-test-XXXXXX";
    directory_ = std::filesystem::path(mkdtemp(name.data())) / "numbers";
  }
  ~LinkNumber() override { std::filesystem::remove_all(directory_.parent_path()); }
  LinkNumber(const LinkNumber&) = delete;
  LinkNumber& operator=(const LinkNumber&) = delete;

  std::filesystem::path directory_;
};

/// Two names with one hash, of which there are many among few.
std::pair<std::string, std::string> twins() {
  std::map<std::uint32_t, std::string> seen;
  for (int i = 0;; ++i) {
    auto name = "link" + std::to_string(i);
    const auto [other, is_new] = seen.emplace(link_number(name), name);
    if (!is_new) return {other->second, name};
  }
}

TEST_F(LinkNumber, IsTheSameForEver) {
  EXPECT_EQ(link_number("office"), 0x0ad1'10bfU);
  std::set<std::uint32_t> numbers;
  for (int i = 0; i < 100; ++i) numbers.insert(link_number("link" + std::to_string(i)));
  EXPECT_GT(numbers.size(), 95U) << "links hardly ever share a number";
  for (const auto number : numbers) {
    EXPECT_EQ(number & 0xc000U, 0U);
    EXPECT_TRUE(is_link_number(number));
  }
  EXPECT_FALSE(is_link_number(51820));
}

TEST_F(LinkNumber, TwoLinksWithOneHashGetTwoNumbersAndKeepThem) {
  const auto [first, second] = twins();
  ASSERT_EQ(link_number(first), link_number(second));
  EXPECT_EQ(look_up_link_number(directory_, first), link_number(first));
  const auto one = claim_link_number(directory_, first);
  const auto two = claim_link_number(directory_, second);
  EXPECT_EQ(one, link_number(first));
  EXPECT_NE(one, two);
  EXPECT_TRUE(is_link_number(two));
  EXPECT_EQ(claim_link_number(directory_, second), two);
  EXPECT_EQ(claim_link_number(directory_, first), one);
  EXPECT_EQ(look_up_link_number(directory_, second), two);
  EXPECT_TRUE(has_link_number(directory_, second));
  EXPECT_FALSE(has_link_number(directory_, "third"));
}

std::string content_of(const std::filesystem::path& file) {
  std::ifstream stream(file);
  return {std::istreambuf_iterator<char>(stream), {}};
}

/// The folder is the links' user's, and what is in it may be anybody's who took one over; root reads and writes there.
TEST_F(LinkNumber, NoLinkLeadsOutOfTheFolder) {
  std::filesystem::create_directories(directory_);
  const auto outside = directory_.parent_path() / "outside";
  std::ofstream(outside) << "office";
  const auto first = link_number("office");
  const auto file = directory_ / fmt::format("{:x}", first);

  // Who has a number is not read elsewhere.
  std::filesystem::create_symlink(outside, directory_ / fmt::format("{:x}", first + 1));
  std::ofstream(file) << "other";
  EXPECT_EQ(claim_link_number(directory_, "office"), first) << "as where nothing can be written";
  EXPECT_EQ(look_up_link_number(directory_, "office"), first);

  // And the draft of a number is not written elsewhere.
  std::filesystem::remove_all(directory_);
  std::filesystem::create_directories(directory_);
  std::ofstream(outside) << "of somebody else";
  std::filesystem::create_symlink(outside, fmt::format("{}.{}", file.string(), getpid()));
  EXPECT_EQ(claim_link_number(directory_, "office"), first);
  EXPECT_EQ(content_of(outside), "of somebody else");
}

TEST_F(LinkNumber, APipeThatBearsTheNameIsNotWaitedFor) {
  std::filesystem::create_directories(directory_);
  const auto file = directory_ / fmt::format("{:x}", link_number("office"));
  ASSERT_EQ(::mkfifo(fmt::format("{}.{}", file.string(), getpid()).c_str(), 0600), 0);
  EXPECT_EQ(claim_link_number(directory_, "office"), link_number("office"));
  ASSERT_EQ(::mkfifo(file.c_str(), 0600), 0);
  EXPECT_NE(claim_link_number(directory_, "office"), link_number("office")) << "it is somebody's";
}

TEST_F(LinkNumber, WhereNothingCanBeWrittenItIsThatOfTheName) {
  EXPECT_EQ(claim_link_number("/proc/none/numbers", "office"), link_number("office"));
  EXPECT_EQ(look_up_link_number("/proc/none/numbers", "office"), link_number("office"));
  EXPECT_FALSE(has_link_number("/proc/none/numbers", "office"));
}

}  // namespace
}  // namespace adit::host
