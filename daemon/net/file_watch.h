// SPDX-License-Identifier: MIT
// Tells when a file was written or replaced (inotify). Watches its folder, so that it may come later, and so that a
// file which is moved into its place is noticed.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "base/file_descriptor.h"
#include "net/event_loop.h"

namespace adit::net {

class FileWatch {
 public:
  /// A folder that cannot be watched is one where nothing is noticed: see `works`.
  FileWatch(EventLoop& loop, const std::filesystem::path& file, std::function<void()> changed);
  FileWatch(const FileWatch&) = delete;
  FileWatch& operator=(const FileWatch&) = delete;

  bool works() const { return works_; }

 private:
  void read_events();

  std::string name_;
  std::function<void()> changed_;
  FileDescriptor fd_;
  bool works_ = false;
  Watch watch_;
};

}  // namespace adit::net
