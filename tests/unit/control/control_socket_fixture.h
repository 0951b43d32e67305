// SPDX-License-Identifier: MIT
// A control socket in a folder of its own, and who connects to it.
#pragma once

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <memory>
#include <string>

#include "control/control_socket.h"
#include "temporary_directory.h"

namespace adit::test {

inline sockaddr_un address_of(const std::filesystem::path& path) {
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  path.native().copy(address.sun_path, sizeof address.sun_path - 1);
  return address;
}

class ControlClient {
 public:
  explicit ControlClient(const std::filesystem::path& path) : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0)) {
    const auto address = address_of(path);
    connected_ = ::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }
  bool connected() const { return connected_; }
  /// What the kernel took.
  std::size_t send(std::string_view text) const {
    const auto size = ::send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL);
    return size < 0 ? 0 : static_cast<std::size_t>(size);
  }
  void end_sending() const { ::shutdown(fd_.get(), SHUT_WR); }
  void close() { fd_.reset(); }
  /// All there is to read.
  std::string receive() {
    std::string text;
    std::array<char, 65536> part;
    for (;;) {
      const auto size = ::recv(fd_.get(), part.data(), part.size(), 0);
      if (size <= 0) {
        ended_ = size == 0 || errno != EAGAIN;
        return text;
      }
      text.append(part.data(), static_cast<std::size_t>(size));
    }
  }
  bool ended() const { return ended_; }

 private:
  FileDescriptor fd_;
  bool connected_ = false;
  bool ended_ = false;
};

class ControlSocketTest : public ::testing::Test {
 protected:
  void open(const control::ControlProtocol& protocol = control::kJsonLines) {
    const auto answer = [this](std::string_view request) {
      ++requests_;
      return "<" + std::string(request) + ">" + padding_;
    };
    socket_ = std::make_unique<control::ControlSocket>(loop_, directory_, "office", answer, protocol);
  }
  /// Until nothing more happens.
  void settle() {
    for (int turn = 0; turn < 10'000; ++turn) {
      if (!loop_.run_once(Duration{})) return;
    }
    FAIL() << "the loop never comes to rest";
  }
  std::string ask(ControlClient& client, std::string_view text) {
    client.send(text);
    settle();
    return client.receive();
  }
  void expect_service() {
    ControlClient client(path_);
    EXPECT_TRUE(client.connected());
    EXPECT_EQ(ask(client, "hello\n").substr(0, 7), "<hello>");
  }

  TemporaryDirectory temporary_;
  std::filesystem::path directory_ = temporary_.path() / "run";
  std::filesystem::path path_ = directory_ / "office.sock";
  net::EventLoop loop_;
  std::string padding_;
  int requests_ = 0;
  std::unique_ptr<control::ControlSocket> socket_;
};

}  // namespace adit::test
