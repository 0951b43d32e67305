// SPDX-License-Identifier: MIT
#include "cli/http_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <memory>
#include <vector>

#include "net/sockaddr.h"

namespace adit::cli {
namespace {

using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class Client {
 public:
  explicit Client(const net::SocketAddress& server) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    EXPECT_EQ(::connect(fd_.get(), server.get(), server.size), 0);
  }
  void send(std::string_view text) const { ::send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL); }
  /// Adds what is there by now.
  void receive() {
    std::array<char, 65536> part;
    for (;;) {
      const auto size = ::recv(fd_.get(), part.data(), part.size(), MSG_DONTWAIT);
      if (size <= 0) {
        ended_ = size == 0 || errno != EAGAIN;
        return;
      }
      text_.append(part.data(), static_cast<std::size_t>(size));
    }
  }
  const std::string& text() const { return text_; }
  bool ended() const { return ended_; }

 private:
  FileDescriptor fd_;
  std::string text_;
  bool ended_ = false;
};

class HttpServerTest : public ::testing::Test {
 protected:
  static FileDescriptor listening(net::SocketAddress& address) {
    FileDescriptor fd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::bind(fd.get(), address.get(), address.size), 0);
    EXPECT_EQ(::listen(fd.get(), 256), 0);
    ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address.storage), &address.size);
    return fd;
  }
  void serve(Duration patience) {
    server_.emplace(loop_, listening(address_), [this] { return page_; }, patience);
  }
  void settle() {
    while (loop_.run_once(20ms)) continue;
  }
  /// Turns until the server has closed the connection, which it does in the end.
  std::string answer_of(Client& client) {
    while (!client.ended()) {
      loop_.run_once(20ms);
      client.receive();
    }
    return client.text();
  }
  std::string answer_to(std::string_view request) {
    Client client(address_);
    client.send(request);
    return answer_of(client);
  }

  std::string page_ = "adit_links 0\n";
  net::EventLoop loop_;
  net::SocketAddress address_ = net::to_sockaddr(*Endpoint::parse("127.0.0.1:0"));
  std::optional<HttpServer> server_;
};

TEST_F(HttpServerTest, GivesTheMetricsInPrometheusFormat) {
  serve(60s);
  const auto answer = answer_to("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(answer, HasSubstr("Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
  EXPECT_THAT(answer, HasSubstr("Content-Length: 13\r\n"));
  EXPECT_THAT(answer, EndsWith("\r\n\r\nadit_links 0\n"));
}

TEST_F(HttpServerTest, AQueryDoesNotMatterAndAHeadHasNoBody) {
  serve(60s);
  EXPECT_THAT(answer_to("GET /metrics?collect=all HTTP/1.0\r\n\r\n"), EndsWith("\r\n\r\nadit_links 0\n"));
  const auto head = answer_to("HEAD /metrics HTTP/1.1\r\n\r\n");
  EXPECT_THAT(head, HasSubstr("Content-Length: 13\r\n"));
  EXPECT_THAT(head, EndsWith("\r\n\r\n"));
}

TEST_F(HttpServerTest, ARequestMayComeInPieces) {
  serve(60s);
  Client client(address_);
  for (const auto* const piece : {"GET /met", "rics HTTP/1.1\r\n", "A: b\r\n\r", "\n"}) {
    client.send(piece);
    settle();
  }
  EXPECT_THAT(answer_of(client), StartsWith("HTTP/1.1 200 "));
}

TEST_F(HttpServerTest, WhatItDoesNotHaveOrUnderstandIsRefused) {
  serve(60s);
  EXPECT_THAT(answer_to("GET / HTTP/1.1\r\n\r\n"), HasSubstr("/metrics"));
  EXPECT_THAT(answer_to("GET /metrics/../../etc/passwd HTTP/1.1\r\n\r\n"), StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(answer_to("POST /metrics HTTP/1.1\r\n\r\n"), StartsWith("HTTP/1.1 405 "));
  for (const auto* const garbage :
       {"\r\n\r\n", "x\n\n", "GET\r\n\r\n", "GET /metrics\r\n\r\n", "GET x HTTP/1.1\r\n\r\n",
        "\x16\x03\x01\xff\xff\n\n", "GET /metrics SMTP\r\n\r\n"}) {
    EXPECT_THAT(answer_to(garbage), StartsWith("HTTP/1.1 400 ")) << garbage;
  }
}

TEST_F(HttpServerTest, AnEndlessRequestIsRefused) {
  serve(60s);
  EXPECT_THAT(answer_to(std::string(HttpServer::kMaxRequest, 'x')), StartsWith("HTTP/1.1 431 "));
}

TEST_F(HttpServerTest, WhoeverSaysNothingIsShownOut) {
  serve(50ms);
  Client silent(address_);
  Client half(address_);
  half.send("GET /met");
  EXPECT_EQ(answer_of(silent), "");
  EXPECT_EQ(answer_of(half), "");
  EXPECT_EQ(server_->clients(), 0);
}

TEST_F(HttpServerTest, WhoeverDoesNotReadIsShownOut) {
  page_.assign(std::size_t{64} * 1024 * 1024, 'x');
  serve(50ms);
  const Client client(address_);
  client.send("GET /metrics HTTP/1.1\r\n\r\n");
  while (server_->clients() == 0) loop_.run_once(20ms);
  while (server_->clients() != 0) loop_.run_once(20ms);
}

TEST_F(HttpServerTest, ALargePageArrivesWhole) {
  page_.assign(std::size_t{16} * 1024 * 1024, 'x');
  serve(60s);
  EXPECT_THAT(answer_to("GET /metrics HTTP/1.1\r\n\r\n"), EndsWith("\r\n\r\n" + page_));
}

TEST_F(HttpServerTest, CrowdsOfSilentClientsDoNotKeepOthersOut) {
  serve(60s);
  std::vector<Client> crowd;
  for (std::size_t i = 0; i < 200; ++i) crowd.emplace_back(address_);
  EXPECT_THAT(answer_to("GET /metrics HTTP/1.1\r\n\r\n"), StartsWith("HTTP/1.1 200 "));
  EXPECT_LE(server_->clients(), HttpServer::kMaxClients);
}

TEST_F(HttpServerTest, ManyAtOnceAreAllAnswered) {
  serve(60s);
  std::vector<Client> crowd;
  for (std::size_t i = 0; i < 100; ++i) {
    crowd.emplace_back(address_);
    crowd.back().send("GET /metrics HTTP/1.1\r\n\r\n");
  }
  for (auto& client : crowd) EXPECT_THAT(answer_of(client), EndsWith("adit_links 0\n"));
}

TEST_F(HttpServerTest, WhoeverHangsUpIsForgotten) {
  serve(60s);
  {
    const Client client(address_);
    client.send("GET /met");
    settle();
    EXPECT_EQ(server_->clients(), 1);
  }
  settle();
  EXPECT_EQ(server_->clients(), 0);
}

}  // namespace
}  // namespace adit::cli
