// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <sys/resource.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "control_socket_fixture.h"

namespace adit::control {
namespace {

using std::chrono_literals::operator""ms;
using test::ControlSocketTest;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using Client = test::ControlClient;

TEST_F(ControlSocketTest, EachLineIsAnsweredWithALine) {
  open();
  Client client(path_);
  EXPECT_EQ(ask(client, "one\n"), "<one>\n");
  EXPECT_EQ(ask(client, "two\nthree\n"), "<two>\n<three>\n");
  EXPECT_FALSE(client.ended());
}

/// A client of another user's, as the exporter is, at a socket whose file lets it in.
TEST_F(ControlSocketTest, OthersThanRootAndTheOwnerMayAskAndChangeNothing) {
  open();
  std::filesystem::permissions(path_, std::filesystem::perms(0666));
  std::filesystem::permissions(directory_.parent_path(), std::filesystem::perms(0755));
  ASSERT_EQ(::seteuid(65534), 0) << "run the tests as root";
  Client stranger(path_);
  ASSERT_EQ(::seteuid(0), 0);
  ASSERT_TRUE(stranger.connected());
  const std::string status = R"({"command":"status"})";
  EXPECT_EQ(ask(stranger, status + "\n"), "<" + status + ">\n");
  EXPECT_THAT(ask(stranger, "{\"command\":\"reload\"}\n"), HasSubstr("only root and the link's own user"));
  EXPECT_EQ(requests_, 1);
  Client owner(path_);
  EXPECT_THAT(ask(owner, "{\"command\":\"reload\"}\n"), StartsWith("<"));
}

TEST_F(ControlSocketTest, OthersGetNothingFromTheSocketOfWg) {
  open(kWgParagraphs);
  std::filesystem::permissions(path_, std::filesystem::perms(0666));
  std::filesystem::permissions(directory_.parent_path(), std::filesystem::perms(0755));
  ASSERT_EQ(::seteuid(65534), 0);
  Client stranger(path_);
  ASSERT_EQ(::seteuid(0), 0);
  EXPECT_EQ(ask(stranger, "get=1\n\n"), "errno=-13\n\n");
  EXPECT_EQ(requests_, 0);
}

TEST_F(ControlSocketTest, TheGroupIsLetInWhereItIsTheLinksOwnAlone) {
  open();
  struct stat about{};
  ASSERT_EQ(::stat(path_.c_str(), &about), 0);
  EXPECT_EQ(about.st_mode & 0777, 0600U) << "this is another group's";
}

std::string lost(std::uint64_t count) {
  return "lost " + std::to_string(count);
}

TEST_F(ControlSocketTest, WhoeverAsksForEventsIsToldThemAndNobodyElse) {
  open();
  Client reader(path_);
  Client other(path_);
  const std::string request = R"({"command":"events"})";
  EXPECT_EQ(ask(reader, request + "\n"), "<" + request + ">\n");
  EXPECT_EQ(ask(other, "one\n"), "<one>\n");
  socket_->publish("first", lost);
  socket_->publish("second", lost);
  settle();
  EXPECT_EQ(reader.receive(), "first\nsecond\n");
  EXPECT_EQ(other.receive(), "");
  reader.end_sending();
  settle();
  socket_->publish("third", lost);
  settle();
  EXPECT_EQ(reader.receive(), "third\n");
  reader.close();
  settle();
  EXPECT_EQ(socket_->clients(), 1U);
  socket_->publish("fourth", lost);
  expect_service();
}

TEST_F(ControlSocketTest, AReaderThatIsTooSlowIsToldHowMuchItMissed) {
  open();
  Client reader(path_);
  ask(reader, R"({"command":"events"})"
              "\n");
  const std::string line(1000, 'x');
  for (int i = 0; i < 10'000; ++i) socket_->publish(line, lost);
  settle();
  std::string all;
  for (int turn = 0; turn < 1000; ++turn) {
    all += reader.receive();
    settle();
  }
  EXPECT_LT(all.size(), 2 * ControlSocket::kMaxUnread);
  EXPECT_THAT(all, testing::Not(HasSubstr("lost")));
  socket_->publish("next", lost);
  settle();
  const auto after = reader.receive();
  EXPECT_THAT(after, StartsWith("lost 9"));
  EXPECT_THAT(after, testing::EndsWith("\nnext\n"));
}

TEST_F(ControlSocketTest, ARequestMayComeInPieces) {
  open();
  Client client(path_);
  EXPECT_EQ(ask(client, "hel"), "");
  EXPECT_EQ(ask(client, "lo"), "");
  EXPECT_EQ(ask(client, "\nwor"), "<hello>\n");
  EXPECT_EQ(ask(client, "ld\n"), "<world>\n");
}

TEST_F(ControlSocketTest, WhoStopsSendingStillGetsTheAnswer) {
  open();
  Client client(path_);
  client.send("last\nhalf a requ");
  client.end_sending();
  settle();
  EXPECT_EQ(client.receive(), "<last>\n");
  EXPECT_TRUE(client.ended());
  EXPECT_EQ(socket_->clients(), 0U);
}

TEST_F(ControlSocketTest, WhoGoesInTheMiddleOfARequestIsForgotten) {
  open();
  Client client(path_);
  client.send("half a requ");
  settle();
  EXPECT_EQ(socket_->clients(), 1U);
  client.close();
  settle();
  EXPECT_EQ(socket_->clients(), 0U);
}

TEST_F(ControlSocketTest, ParagraphsEndWithAnEmptyLineHoweverTheyCome) {
  socket_ = std::make_unique<ControlSocket>(
      loop_, directory_, "wg0", [](std::string_view request) { return "<" + std::string(request) + ">"; },
      kWgParagraphs);
  Client client(directory_ / "wg0.sock");
  for (const char letter : std::string_view("set=1\nkey=a\n\nget=1\n\nget")) {
    client.send({&letter, 1});
    settle();
  }
  EXPECT_EQ(client.receive(), "<set=1\nkey=a>\n\n<get=1>\n\n");
}

TEST_F(ControlSocketTest, WhoGoesBeforeTheAnswerDoesNotEndTheProcess) {
  open();
  Client client(path_);
  client.send("a question\n");
  client.close();
  settle();
  expect_service();
}

TEST_F(ControlSocketTest, MegabytesWithoutANewlineAreCutOff) {
  open();
  Client client(path_);
  const std::string flood(256 * 1024, 'x');
  for (int i = 0; i < 16; ++i) {
    client.send(flood);
    settle();
  }
  EXPECT_THAT(client.receive(), HasSubstr("at most 65536 bytes"));
  EXPECT_TRUE(client.ended());
  EXPECT_EQ(requests_, 0);
  expect_service();
}

TEST_F(ControlSocketTest, TheLongestRequestIsTakenAndALongerOneIsNot) {
  open();
  Client client(path_);
  const std::string longest(ControlSocket::kMaxRequest, 'x');
  EXPECT_EQ(ask(client, longest + "\n"), "<" + longest + ">\n");
  EXPECT_THAT(ask(client, longest + "x\n"), HasSubstr("at most"));
}

TEST_F(ControlSocketTest, ARequestOfWgsThatIsTooLongIsReadToItsEndAndAnswered) {
  open(kWgParagraphs);
  Client client(path_);
  const std::string part(64 * 1024, 'x');
  std::size_t sent = 0;
  while (sent < 3 * ControlSocket::kMaxWgRequest) {
    const auto taken = client.send(part);
    sent += taken;
    settle();
    ASSERT_TRUE(client.connected());
  }
  EXPECT_EQ(client.receive(), "") << "it is not done";
  EXPECT_EQ(ask(client, "x\n\n"), "errno=-7\n\n");
  EXPECT_FALSE(client.ended());
  EXPECT_EQ(requests_, 0);
  EXPECT_EQ(ask(client, "get=1\n\n"), "<get=1>\n\n");
}

TEST_F(ControlSocketTest, AClientThatNeverReadsHasItsRequestsWait) {
  open();
  padding_ = std::string(100'000, 'p');
  Client client(path_);
  std::size_t taken = 0;
  for (int i = 0; i < 10'000; ++i) {
    taken += client.send("question\n");
    settle();
  }
  EXPECT_LT(taken, 10'000U * 9) << "the kernel's buffer fills up when nobody reads it";
  EXPECT_LT(requests_, 20) << "answers nobody reads do not pile up";
  EXPECT_EQ(socket_->clients(), 1U);
  expect_service();

  // When it reads at last, it gets every answer it asked for.
  std::size_t answers = 0;
  for (int i = 0; i < 10'000 && answers < taken / 9; ++i) {
    const auto text = client.receive();
    answers += static_cast<std::size_t>(std::ranges::count(text, '\n'));
    settle();
  }
  EXPECT_EQ(answers, taken / 9);
}

TEST_F(ControlSocketTest, ManyRequestsAtOnceDoNotHoldUpTheLoop) {
  open();
  Client client(path_);
  std::string requests;
  for (int i = 0; i < 1000; ++i) requests += "q\n";
  client.send(requests);
  loop_.run_once(0ms);  // accept
  loop_.run_once(0ms);
  EXPECT_GT(requests_, 0);
  EXPECT_LT(requests_, 100) << "the rest has to wait for later turns";
  std::string answers;
  for (int i = 0; i < 100; ++i) {
    settle();
    answers += client.receive();
  }
  EXPECT_EQ(requests_, 1000);
  EXPECT_EQ(std::ranges::count(answers, '\n'), 1000);
}

TEST_F(ControlSocketTest, OfTooManyClientsTheOneThatWasSilentLongestGoes) {
  open();
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 200; ++i) {
    clients.push_back(std::make_unique<Client>(path_));
    ASSERT_TRUE(clients.back()->connected());
    settle();
    EXPECT_EQ(ask(*clients.front(), "I am here\n"), "<I am here>\n");
  }
  EXPECT_EQ(socket_->clients(), ControlSocket::kMaxClients);
  EXPECT_EQ(ask(*clients.back(), "me too\n"), "<me too>\n");
  clients[1]->receive();
  EXPECT_TRUE(clients[1]->ended());
}

TEST_F(ControlSocketTest, AReaderOfEventsOutlivesAnyNumberOfThoseWhoAskOnce) {
  open();
  Client reader(path_);
  ask(reader, R"({"command":"events"})"
              "\n");
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 100; ++i) {
    clients.push_back(std::make_unique<Client>(path_));
    settle();
  }
  EXPECT_EQ(socket_->clients(), ControlSocket::kMaxClients);
  socket_->publish("still here", lost);
  settle();
  EXPECT_EQ(reader.receive(), "still here\n");
}

TEST_F(ControlSocketTest, WithoutDescriptorsItWaitsAndComesBack) {
  open();
  {
    // UBSan's check of types opens a pipe the first time it meets one: let it meet them while there are descriptors.
    Client early(path_);
    EXPECT_EQ(ask(early, "hello\n"), "<hello>\n");
  }
  settle();
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  Client client(path_);
  const rlimit tight{.rlim_cur = 3, .rlim_max = before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &tight), 0);
  settle();
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_EQ(socket_->clients(), 0U);
  ASSERT_TRUE(loop_.run_once());  // the timer
  EXPECT_EQ(ask(client, "still there?\n"), "<still there?>\n");
}

}  // namespace
}  // namespace adit::control
