// SPDX-License-Identifier: MIT
#include "service/key_log.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <fstream>
#include <sstream>

#include "temporary_directory.h"

namespace adit::service {
namespace {

using test::TemporaryDirectory;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

template <class Key>
Key key_of(std::uint8_t byte) {
  Key key;
  std::ranges::fill(key.writable(), byte);
  return key;
}

class KeyLogTest : public ::testing::Test {
 protected:
  Result<std::unique_ptr<KeyLog>> open() {
    return KeyLog::open(file_, [this](const std::string& sentence) { complaints_.push_back(sentence); });
  }
  std::string error() {
    const auto opened = open();
    return opened ? "" : opened.error().message;
  }
  std::string text() const {
    std::ostringstream all;
    all << std::ifstream(file_).rdbuf();
    return all.str();
  }

  TemporaryDirectory directory_;
  std::filesystem::path file_ = directory_.path() / "keys";
  std::vector<std::string> complaints_;
};

TEST_F(KeyLogTest, HasTheLinesThatWiresharkReads) {
  const auto log = open();
  ASSERT_TRUE(log);
  (*log)->static_keys(key_of<crypto::PrivateKey>(1), crypto::PublicKey{{2}});
  (*log)->handshake_keys(key_of<crypto::PrivateKey>(3), key_of<crypto::PresharedKey>(4));
  EXPECT_EQ(text(),
            "LOCAL_STATIC_PRIVATE_KEY=AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=\n"
            "REMOTE_STATIC_PUBLIC_KEY=AgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"
            "LOCAL_EPHEMERAL_PRIVATE_KEY=AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM=\n"
            "PRESHARED_KEY=BAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQ=\n");
}

TEST_F(KeyLogTest, APresharedKeyThatIsNoneIsLeftOut) {
  const auto log = open();
  ASSERT_TRUE(log);
  (*log)->handshake_keys(key_of<crypto::PrivateKey>(3), crypto::PresharedKey());
  EXPECT_EQ(text(), "LOCAL_EPHEMERAL_PRIVATE_KEY=AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM=\n");
}

TEST_F(KeyLogTest, IsItsOwnersAloneAndIsAppendedTo) {
  const auto before = ::umask(0);
  (*open())->handshake_keys(key_of<crypto::PrivateKey>(3), crypto::PresharedKey());
  ::umask(before);
  struct stat status{};
  ASSERT_EQ(::stat(file_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0600);
  const auto first = text();
  (*open())->handshake_keys(key_of<crypto::PrivateKey>(5), crypto::PresharedKey());
  EXPECT_TRUE(text().starts_with(first));
  EXPECT_GT(text().size(), first.size());
}

TEST_F(KeyLogTest, AFileThatOthersMayReadIsRefused) {
  std::ofstream(file_) << "mine";
  for (const ::mode_t mode : {0640, 0604, 0660, 0610}) {
    ASSERT_EQ(::chmod(file_.c_str(), mode), 0);
    EXPECT_THAT(error(), HasSubstr("chmod 600 " + file_.string())) << mode;
  }
  EXPECT_EQ(text(), "mine");
  ASSERT_EQ(::chmod(file_.c_str(), 0600), 0);
  EXPECT_EQ(error(), "");
}

TEST_F(KeyLogTest, AFileOfSomebodyElseIsRefused) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to give files away";
  std::ofstream(file_) << "theirs";
  ASSERT_EQ(::chmod(file_.c_str(), 0600), 0);
  ASSERT_EQ(::chown(file_.c_str(), 65534, 65534), 0);
  EXPECT_THAT(error(), HasSubstr("belongs to another user"));
}

TEST_F(KeyLogTest, LinksPipesFoldersAndWhatCannotBeMadeAreRefused) {
  std::filesystem::create_symlink(directory_.path() / "elsewhere", file_);
  EXPECT_THAT(error(), HasSubstr("symbolic link"));
  EXPECT_FALSE(std::filesystem::exists(directory_.path() / "elsewhere"));
  std::filesystem::remove(file_);
  ASSERT_EQ(::mkfifo(file_.c_str(), 0600), 0);
  EXPECT_THAT(error(), HasSubstr(file_.string()));
  const FileDescriptor reader(::open(file_.c_str(), O_RDONLY | O_NONBLOCK));
  EXPECT_THAT(error(), HasSubstr("no regular file"));
  std::filesystem::remove(file_);
  std::filesystem::create_directory(file_);
  EXPECT_THAT(error(), HasSubstr("Is a directory"));
  file_ = directory_.path() / "none/keys";
  EXPECT_THAT(error(), HasSubstr("No such file"));
}

TEST_F(KeyLogTest, ADiskThatIsFullIsToldOnce) {
  const auto log = open();
  ASSERT_TRUE(log);
  // The kernel's own way to a disk with room for one line and a half.
  const auto before = std::signal(SIGXFSZ, SIG_IGN);
  rlimit limit{};
  ::getrlimit(RLIMIT_FSIZE, &limit);
  const rlimit small{.rlim_cur = 100, .rlim_max = limit.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &small);
  for (int i = 0; i < 3; ++i) (*log)->handshake_keys(key_of<crypto::PrivateKey>(3), crypto::PresharedKey());
  ::setrlimit(RLIMIT_FSIZE, &limit);
  std::signal(SIGXFSZ, before);
  EXPECT_THAT(complaints_, ElementsAre(HasSubstr(file_.string())));
}

}  // namespace
}  // namespace adit::service
