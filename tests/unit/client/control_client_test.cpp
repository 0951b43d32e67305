// SPDX-License-Identifier: MIT
#include "client/control_client.h"

#include <gtest/gtest.h>

#include "fake_daemon.h"
#include "temporary_directory.h"

namespace adit::client {
namespace {

using std::chrono_literals::operator""ms;

class ControlClientTest : public ::testing::Test {
 protected:
  test::TemporaryDirectory folder_;
  std::filesystem::path socket_ = folder_.path() / "office.sock";
};

TEST_F(ControlClientTest, ADaemonThatSaysNothingIsNotWaitedForForEver) {
  const test::FakeDaemon office(socket_, "");
  const auto answer = ask(socket_, "{}", 20ms);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, AskFailure::no_answer);
}

TEST_F(ControlClientTest, ADaemonThatHangsUpIsAnError) {
  const test::FakeDaemon office(socket_, "half an answ");
  const auto answer = ask(socket_, "{}", 5000ms);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, AskFailure::broken);
}

}  // namespace
}  // namespace adit::client
