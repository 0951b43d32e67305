// SPDX-License-Identifier: MIT
#pragma once

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <string>
#include <utility>
#include <vector>

#include "base/file_descriptor.h"

namespace adit::test {

/// A journal that reads when it is told to.
class FakeJournal {
 public:
  explicit FakeJournal(std::string path)
      : path_(std::move(path)), socket_(socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0)) {
    sockaddr_un at{.sun_family = AF_UNIX, .sun_path = {}};
    path_.copy(std::begin(at.sun_path), sizeof at.sun_path - 1);
    EXPECT_EQ(bind(socket_.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at), 0);
  }
  const std::string& path() const { return path_; }
  std::vector<std::string> read() const {
    std::vector<std::string> entries;
    std::vector<char> buffer(1 << 17);
    for (ssize_t size = 0; (size = recv(socket_.get(), buffer.data(), buffer.size(), 0)) > 0;) {
      entries.emplace_back(buffer.data(), static_cast<std::size_t>(size));
    }
    return entries;
  }

 private:
  std::string path_;
  FileDescriptor socket_;
};

}  // namespace adit::test
