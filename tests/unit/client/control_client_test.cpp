// SPDX-License-Identifier: MIT
#include "client/control_client.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <deque>
#include <string>
#include <thread>
#include <vector>

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

/// `adit status` said "does not answer within 30 s" at once.
TEST_F(ControlClientTest, OneThatManyAskAtOnceIsWaitedFor) {
  const FileDescriptor listening(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  socket_.native().copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(listening.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(listening.get(), 0), 0);
  std::vector<FileDescriptor> others;
  for (bool full = false; !full;) {
    others.emplace_back(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    full = ::connect(others.back().get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0;
  }
  EXPECT_EQ(ask(socket_, "{}", 30ms).error().kind, AskFailure::no_answer);
  std::thread daemon([&listening, waiting = others.size() - 1] {
    std::vector<FileDescriptor> clients;
    while (clients.size() <= waiting) clients.emplace_back(::accept4(listening.get(), nullptr, nullptr, SOCK_CLOEXEC));
    std::array<char, 8> request{};  // those who came before say nothing
    EXPECT_EQ(::recv(clients.back().get(), request.data(), request.size(), 0), 3);
    EXPECT_EQ(::send(clients.back().get(), "yes\n", 4, MSG_NOSIGNAL), 4);
  });
  const auto answer = ask(socket_, "{}", std::chrono::minutes(1));
  daemon.join();
  ASSERT_TRUE(answer);
  EXPECT_EQ(*answer, "yes");
}

TEST_F(ControlClientTest, TheStatusOfALinkWithThousandsOfRoutesIsReadWhole) {
  const auto status = R"({"routes":")" + std::string(2'500'000, 'r') + "\"}";
  const test::FakeDaemon office(socket_, status + "\n");
  const auto answer = ask(socket_, "{}", std::chrono::minutes(1));
  ASSERT_TRUE(answer);
  EXPECT_EQ(*answer, status);
}

TEST_F(ControlClientTest, ADaemonThatHangsUpIsAnError) {
  const test::FakeDaemon office(socket_, "half an answ");
  const auto answer = ask(socket_, "{}", 5000ms);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, AskFailure::broken);
}

/// In a process of its own, whose limits are nobody else's. The first number that is free is `more` below the limit.
template <class Work>
bool with_few_descriptors(int more, bool for_good, const Work& work) {
  const auto child = ::fork();
  if (child == 0) {
    rlimit limit{};
    ::close_range(3, ~0U, 0);  // what the daemons had open at this moment would take some of them
    const FileDescriptor free(::dup(0));
    if (!free || ::getrlimit(RLIMIT_NOFILE, &limit) != 0) ::_exit(2);
    limit.rlim_cur = static_cast<rlim_t>(free.get() + more);
    if (for_good) limit.rlim_max = limit.rlim_cur;
    if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) ::_exit(3);
    const bool good = work();
    rlimit after{};
    ::_exit(good && ::getrlimit(RLIMIT_NOFILE, &after) == 0 && after.rlim_cur == limit.rlim_cur ? 0 : 1);
  }
  int status = -1;
  return ::waitpid(child, &status, 0) == child && status == 0;
}

TEST_F(ControlClientTest, ThereMayBeMoreLinksThanDescriptors) {
  std::deque<test::FakeDaemon> daemons;
  std::vector<std::filesystem::path> sockets;
  for (int i = 0; i < 4; ++i) {
    sockets.push_back(folder_.path() / std::to_string(i));
    daemons.emplace_back(sockets.back(), "yes\n");
  }
  for (int i = 0; i < 16; ++i) sockets.push_back(sockets[static_cast<std::size_t>(i % 4)]);
  const auto all_answer = [&sockets] {
    const auto answers = ask_all(sockets, "{}", std::chrono::minutes(1));
    return std::ranges::all_of(answers, [](const Answer& answer) { return answer && *answer == "yes"; });
  };
  EXPECT_TRUE(with_few_descriptors(4, false, all_answer)) << "more may be had";
  EXPECT_TRUE(with_few_descriptors(4, true, all_answer)) << "these are all";
}

}  // namespace
}  // namespace adit::client
