// SPDX-License-Identifier: MIT
// A datagram socket stands in for the service manager, as NOTIFY_SOCKET names it.
#include "service/service_manager.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <optional>
#include <vector>

#include "temporary_directory.h"

namespace adit::service {
namespace {

using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""us;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;

/// An environment variable as this test wants it, and as it was afterwards.
class Variable {
 public:
  Variable(const char* name, const std::string& value) : name_(name) {
    if (const char* const before = std::getenv(name)) before_ = before;
    setenv(name, value.c_str(), 1);
  }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;
  ~Variable() {
    if (before_) {
      setenv(name_, before_->c_str(), 1);
    } else {
      unsetenv(name_);
    }
  }

 private:
  const char* name_;
  std::optional<std::string> before_;
};

class ServiceManagerTest : public ::testing::Test {
 protected:
  ServiceManagerTest() : fd_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    path_.copy(address.sun_path, path_.size());
    EXPECT_EQ(::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }

  /// What the manager has been told since the last time.
  std::vector<std::string> told() {
    std::vector<std::string> messages;
    std::array<char, 1024> message;
    for (;;) {
      const auto size = ::recv(fd_.get(), message.data(), message.size(), MSG_DONTWAIT);
      if (size < 0) return messages;
      messages.emplace_back(message.data(), static_cast<std::size_t>(size));
    }
  }

  test::TemporaryDirectory directory_;
  std::string path_ = directory_.path() / "notify";
  FileDescriptor fd_;
  net::EventLoop loop_;
};

TEST_F(ServiceManagerTest, TellsReadinessReloadAndEnd) {
  const Variable socket("NOTIFY_SOCKET", path_);
  ServiceManager manager(loop_);
  manager.ready();
  manager.reloading();
  manager.reloaded();
  manager.stopping();
  EXPECT_THAT(told(),
              ElementsAre("READY=1", MatchesRegex("RELOADING=1\nMONOTONIC_USEC=[0-9]+"), "READY=1", "STOPPING=1"));
}

TEST_F(ServiceManagerTest, AReloadNeitherMakesReadyWhatIsNotNorGoesOnWithWhatEnds) {
  const Variable socket("NOTIFY_SOCKET", path_);
  ServiceManager manager(loop_);
  manager.reloading();
  manager.reloaded();
  EXPECT_THAT(told(), IsEmpty()) << "a required hook still runs";
  manager.ready();
  EXPECT_THAT(told(), ElementsAre("READY=1"));
  manager.stopping();
  manager.reloading();
  manager.reloaded();
  EXPECT_THAT(told(), ElementsAre("STOPPING=1"));
}

TEST_F(ServiceManagerTest, TheStatusLineIsSentWhenItChanges) {
  const Variable socket("NOTIFY_SOCKET", path_);
  ServiceManager manager(loop_);
  manager.status("connecting: calling 192.0.2.7:51820");
  manager.status("connecting: calling 192.0.2.7:51820");
  manager.status("up");
  manager.status("up");
  EXPECT_THAT(told(), ElementsAre("STATUS=connecting: calling 192.0.2.7:51820", "STATUS=up"));
}

TEST_F(ServiceManagerTest, AReasonOfSeveralLinesCannotSaySomethingElseToTheManager) {
  const Variable socket("NOTIFY_SOCKET", path_);
  ServiceManager manager(loop_);
  manager.status("failed: no way\nSTOPPING=1");
  EXPECT_THAT(told(), ElementsAre("STATUS=failed: no way STOPPING=1"));
}

TEST_F(ServiceManagerTest, WithoutAManagerNothingIsSentAndNothingWatched) {
  ServiceManager manager(loop_);
  manager.ready();
  manager.status("up");
  manager.turn_end();
  EXPECT_EQ(manager.patience(), std::nullopt);
  EXPECT_THAT(told(), IsEmpty());
}

TEST_F(ServiceManagerTest, TheWatchdogIsFedAfterAWholeTurnAndInNoOther) {
  const Variable socket("NOTIFY_SOCKET", path_);
  const Variable interval("WATCHDOG_USEC", "20000");
  ServiceManager manager(loop_);
  EXPECT_EQ(manager.patience(), 20'000us);
  manager.turn_end();
  EXPECT_THAT(told(), IsEmpty()) << "half of the interval has not passed";
  for (int round = 0; round < 3; ++round) {
    ASSERT_TRUE(loop_.run_once(10'000ms));
    EXPECT_THAT(told(), IsEmpty()) << "the turn is not done";
    manager.turn_end();
    EXPECT_THAT(told(), ElementsAre("WATCHDOG=1"));
    manager.turn_end();
    EXPECT_THAT(told(), IsEmpty()) << "once is enough";
  }
}

TEST_F(ServiceManagerTest, AnotherProcessesWatchdogIsNotFed) {
  const Variable socket("NOTIFY_SOCKET", path_);
  const Variable interval("WATCHDOG_USEC", "20000");
  const Variable process("WATCHDOG_PID", std::to_string(::getppid()));
  EXPECT_EQ(ServiceManager(loop_).patience(), std::nullopt);
}

/// Without a limit it would take the library minutes to give up, and the stop with it.
TEST_F(ServiceManagerTest, ABusThatTakesTheCallAndSaysNothingIsNotWaitedForLong) {
  const FileDescriptor bus(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  const auto path = directory_.path() / "bus";
  path.string().copy(address.sun_path, path.string().size());
  ASSERT_EQ(::bind(bus.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(bus.get(), 1), 0);
  const Variable socket("NOTIFY_SOCKET", path_);
  const Variable system_bus("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=" + path.string());
  EXPECT_FALSE(ServiceManager::is_restarting());
}

TEST_F(ServiceManagerTest, AManagerThatHasGoneIsNoReasonToEnd) {
  const Variable socket("NOTIFY_SOCKET", path_ + ".gone");
  ServiceManager manager(loop_);
  manager.ready();
  manager.stopping();
}

}  // namespace
}  // namespace adit::service
