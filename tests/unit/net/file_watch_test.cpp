// SPDX-License-Identifier: MIT
#include "net/file_watch.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

namespace adit::net {
namespace {

class FileWatchTest : public ::testing::Test {
 protected:
  FileWatchTest() {
    std::string pattern = std::filesystem::temp_directory_path() / "adit-watch-XXXXXX";
    folder = mkdtemp(pattern.data());
    watch.emplace(loop, folder / "psk", [this] { ++changes; });
  }
  ~FileWatchTest() override { std::filesystem::remove_all(folder); }
  void write(const char* name) const { std::ofstream(folder / name) << "x"; }
  /// How often a change was told since the last time.
  int told() {
    while (loop.run_once(std::chrono::milliseconds(0))) {
    }
    return std::exchange(changes, 0);
  }

  std::filesystem::path folder;
  EventLoop loop;
  int changes = 0;
  std::optional<FileWatch> watch;
};

TEST_F(FileWatchTest, TellsOfAFileThatComesIsWrittenOrIsReplaced) {
  EXPECT_TRUE(watch->works());
  write("psk");
  EXPECT_EQ(told(), 1);
  write("psk");
  EXPECT_EQ(told(), 1);
  write("psk.new");
  EXPECT_EQ(told(), 0) << "another file";
  std::filesystem::rename(folder / "psk.new", folder / "psk");
  EXPECT_EQ(told(), 1);
  std::filesystem::permissions(folder / "psk", std::filesystem::perms::owner_read);
  EXPECT_EQ(told(), 1) << "it may be readable only now";
}

TEST_F(FileWatchTest, ManyChangesAreToldAsOne) {
  for (int i = 0; i < 20; ++i) write("psk");
  const int count = told();
  EXPECT_GE(count, 1);
  EXPECT_LT(count, 20);
}

TEST_F(FileWatchTest, SaysWhenItCannotWatch) {
  const FileWatch none(loop, folder / "nowhere" / "psk", [] {});
  EXPECT_FALSE(none.works());
}

}  // namespace
}  // namespace adit::net
