// SPDX-License-Identifier: MIT
#pragma once

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <atomic>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "base/file_descriptor.h"

namespace adit::test {

/// A daemon that gives every caller the same answer; an empty one: takes the request and says nothing.
class FakeDaemon {
 public:
  FakeDaemon(const std::filesystem::path& path, std::string answer)
      : answer_(std::move(answer)), fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    path.native().copy(address.sun_path, sizeof address.sun_path - 1);
    EXPECT_EQ(::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(fd_.get(), 4), 0);
    thread_ = std::thread([this] { serve(); });
  }
  FakeDaemon(const FakeDaemon&) = delete;
  FakeDaemon& operator=(const FakeDaemon&) = delete;
  ~FakeDaemon() {
    ended_ = true;
    ::shutdown(fd_.get(), SHUT_RDWR);
    thread_.join();
  }

 private:
  void serve() {
    std::vector<FileDescriptor> clients;
    while (!ended_) {
      FileDescriptor client(::accept(fd_.get(), nullptr, nullptr));
      if (!client) return;
      std::array<char, 256> request;
      if (::recv(client.get(), request.data(), request.size(), 0) <= 0) continue;
      ::send(client.get(), answer_.data(), answer_.size(), MSG_NOSIGNAL);
      if (answer_.empty()) clients.push_back(std::move(client));
    }
  }

  std::string answer_;
  FileDescriptor fd_;
  std::atomic<bool> ended_ = false;
  std::thread thread_;
};

}  // namespace adit::test
