// SPDX-License-Identifier: MIT
#include "base/file_descriptor.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>

namespace adit {
namespace {

bool is_open(int fd) {
  return ::fcntl(fd, F_GETFD) >= 0;
}

FileDescriptor open_one() {
  return FileDescriptor(::open("/dev/null", O_RDONLY | O_CLOEXEC));
}

TEST(FileDescriptor, ClosesItself) {
  int fd = -1;
  {
    const auto file = open_one();
    fd = file.get();
    ASSERT_TRUE(is_open(fd));
  }
  EXPECT_FALSE(is_open(fd));
}

TEST(FileDescriptor, IsNoneByDefaultAndAfterItWasMovedFrom) {
  EXPECT_FALSE(FileDescriptor());
  auto first = open_one();
  const int fd = first.get();
  const auto second = std::move(first);
  EXPECT_FALSE(first);  // NOLINT(bugprone-use-after-move): what is left behind is the point
  EXPECT_EQ(second.get(), fd);
  EXPECT_TRUE(is_open(fd));
}

TEST(FileDescriptor, ClosesTheOldOneWhenItGetsAnother) {
  auto first = open_one();
  auto second = open_one();
  const std::array fds{first.get(), second.get()};
  first = std::move(second);
  EXPECT_EQ(first.get(), fds[1]);
  EXPECT_FALSE(is_open(fds[0]));
  first.reset();
  EXPECT_FALSE(is_open(fds[1]));
}

TEST(FileDescriptor, SurvivesBeingMovedOntoItself) {
  auto file = open_one();
  auto& same = file;
  file = std::move(same);
  EXPECT_TRUE(is_open(file.get()));
}

}  // namespace
}  // namespace adit
