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

/// As the kubelet hands out secrets: psk → ..data/psk, ..data → ..1, and the next ..data is moved into its place.
TEST_F(FileWatchTest, TellsOfALinkOnTheWayThatIsTurned) {
  const auto hand_out = [this](const char* generation) {
    std::filesystem::create_directory(folder / generation);
    std::ofstream(folder / generation / "psk") << generation;
    std::filesystem::create_directory_symlink(generation, folder / "..new");
    std::filesystem::rename(folder / "..new", folder / "..data");
  };
  hand_out("..1");
  std::filesystem::create_symlink("..data/psk", folder / "psk");
  EXPECT_EQ(told(), 1) << "it is there now";
  for (const auto* const generation : {"..2", "..3"}) {
    hand_out(generation);
    EXPECT_EQ(told(), 1) << generation;
  }
  std::filesystem::remove_all(folder / "..1");
  std::filesystem::remove_all(folder / "..2");
  EXPECT_EQ(told(), 0) << "what nothing leads to any more";
  std::ofstream(folder / "..3" / "psk") << "another";
  EXPECT_GE(told(), 1) << "where the link leads to, it is watched, too";
}

/// As agenix and sops-nix do it: the folder itself is a link, turned by making it anew.
TEST_F(FileWatchTest, TellsOfALinkAboveItsFolderThatIsMadeAnew) {
  for (const auto* const generation : {"1", "2"}) {
    std::filesystem::create_directories(folder / "generations" / generation);
    std::ofstream(folder / "generations" / generation / "psk") << generation;
  }
  std::filesystem::create_directory_symlink(folder / "generations/1", folder / "secrets");
  watch.emplace(loop, folder / "secrets" / "psk", [this] { ++changes; });
  EXPECT_TRUE(watch->works());
  write("somebody");
  std::filesystem::create_directory(folder / "else");
  EXPECT_EQ(told(), 0);
  std::filesystem::remove(folder / "secrets");
  EXPECT_EQ(told(), 0) << "gone, it is no other one";
  std::filesystem::create_directory_symlink(folder / "generations/2", folder / "secrets");
  EXPECT_EQ(told(), 1);
  std::filesystem::remove_all(folder / "generations");
  EXPECT_EQ(told(), 0);
}

TEST_F(FileWatchTest, ALinkThatLeadsToItselfIsNoFile) {
  std::filesystem::create_symlink("psk", folder / "psk");
  EXPECT_EQ(told(), 0);
  std::filesystem::remove(folder / "psk");
  write("psk");
  EXPECT_EQ(told(), 1);
}

TEST_F(FileWatchTest, TheFolderMayComeLater) {
  watch.emplace(loop, folder / "later" / "psk", [this] { ++changes; });
  std::filesystem::create_directory(folder / "later");
  EXPECT_EQ(told(), 0);
  write("later/psk");
  EXPECT_EQ(told(), 1);
}

TEST_F(FileWatchTest, SaysWhenItCannotWatch) {
  write("file");
  const FileWatch none(loop, folder / "file" / "psk", [] {});
  EXPECT_FALSE(none.works());
}

}  // namespace
}  // namespace adit::net
