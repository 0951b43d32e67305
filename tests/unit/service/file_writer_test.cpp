// SPDX-License-Identifier: MIT
#include "service/file_writer.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <csignal>
#include <fstream>
#include <thread>

#include "base/file_descriptor.h"
#include "temporary_directory.h"

namespace adit::service {
namespace {

std::string content_of(const std::filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(FileWriter, WritesAndSaysWhatFailed) {
  const adit::test::TemporaryDirectory directory;
  FileWriter writer;
  const auto path = directory.path() / "state";
  for (const auto* content : {"one", "two", ""}) {
    // A busy machine may be slower than the writer's patience: it is written all the same.
    std::ignore = writer.write(path, content);
    while (content_of(path) != content || !std::filesystem::exists(path)) std::this_thread::yield();
  }
  const auto failed = writer.write(directory.path() / "none" / "state", "x");
  EXPECT_FALSE(failed);
}

/// Whoever may write in the folder could have any file of ours overwritten.
TEST(FileWriter, FollowsNoLinkThatSomebodyHasPutThere) {
  const adit::test::TemporaryDirectory directory;
  const auto path = directory.path() / "state";
  const auto other = directory.path() / "other";
  std::ofstream(other) << "theirs";
  std::filesystem::create_symlink(other, path.string() + ".new");
  EXPECT_FALSE(replace_file(path, "ours"));
  EXPECT_EQ(content_of(other), "theirs");
  EXPECT_FALSE(std::filesystem::exists(path));
}

/// A named pipe that nobody reads keeps whoever opens it, like a file of a server that is gone.
TEST(FileWriter, ADiskThatDoesNotAnswerKeepsNobodyWaiting) {
  const adit::test::TemporaryDirectory directory;
  const auto path = directory.path() / "state";
  const auto other = directory.path() / "other";
  signal(SIGPIPE, SIG_IGN);
  ASSERT_EQ(mkfifo((path.string() + ".new").c_str(), 0600), 0);
  {
    FileWriter writer;
    for (int i = 0; i < 1000; ++i) {
      const auto done = writer.write(path, std::to_string(i));
      ASSERT_FALSE(done);
      EXPECT_THAT(done.error().message, testing::HasSubstr("the disk does not answer"));
    }
    EXPECT_FALSE(writer.write(other, "kept"));
    // It answers again.
    const FileDescriptor reader(open((path.string() + ".new").c_str(), O_RDONLY | O_CLOEXEC));
    while (content_of(other) != "kept") std::this_thread::yield();
  }
}

TEST(FileWriter, EndsAlsoWhereTheDiskDoesNot) {
  signal(SIGPIPE, SIG_IGN);  // the reader below does not wait for what is written
  const adit::test::TemporaryDirectory directory;
  const auto path = directory.path() / "state";
  ASSERT_EQ(mkfifo((path.string() + ".new").c_str(), 0600), 0);
  {
    FileWriter writer;
    EXPECT_FALSE(writer.write(path, "x"));
  }
  const FileDescriptor reader(open((path.string() + ".new").c_str(), O_RDONLY | O_CLOEXEC));  // lets the thread go
}

}  // namespace
}  // namespace adit::service
