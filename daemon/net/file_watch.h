// SPDX-License-Identifier: MIT
// Tells when a file was written or replaced (inotify). Watches its folder, so that it may come later, and so that a
// file which is moved into its place is noticed; and the folder of each symbolic link that leads to it: programs that
// hand out secrets replace a whole folder by turning a link (Kubernetes, agenix, sops-nix).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/file_descriptor.h"
#include "net/event_loop.h"

namespace adit::net {

class FileWatch {
 public:
  /// A folder that cannot be watched is one where nothing is noticed: see `works`.
  FileWatch(EventLoop& loop, std::filesystem::path file, std::function<void()> changed);
  FileWatch(const FileWatch&) = delete;
  FileWatch& operator=(const FileWatch&) = delete;

  bool works() const { return works_; }

 private:
  enum class News : std::uint8_t { none, way, file };
  /// A link that leads on to the file, or the file; its folder is watched.
  struct Step {
    int watch;
    std::filesystem::path place;
    bool is_link;
  };
  /// Which file is at the end of the way. All 0: none.
  struct Identity {
    dev_t device = 0;
    ino_t inode = 0;
    std::int64_t modified = 0;
    friend bool operator==(const Identity&, const Identity&) = default;
  };

  void watch_the_way();
  Identity look() const;
  News meaning_of(std::uint32_t mask, int watch, const std::string& name) const;
  void read_events();

  std::filesystem::path file_;
  std::function<void()> changed_;
  FileDescriptor fd_;
  std::vector<Step> way_;
  Identity known_;
  bool works_ = false;
  Watch watch_;
};

}  // namespace adit::net
