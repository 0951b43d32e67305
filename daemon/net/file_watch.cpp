// SPDX-License-Identifier: MIT
#include "net/file_watch.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <utility>

namespace adit::net {

FileWatch::FileWatch(EventLoop& loop, const std::filesystem::path& file, std::function<void()> changed)
    : name_(file.filename()), changed_(std::move(changed)), fd_(inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {
  if (!fd_) return;
  const auto folder = file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
  works_ = inotify_add_watch(fd_.get(), folder.c_str(), IN_CLOSE_WRITE | IN_MOVED_TO | IN_ATTRIB | IN_ONLYDIR) >= 0;
  watch_ = loop.watch(fd_.get(), EPOLLIN, [this](std::uint32_t) { read_events(); });
}

void FileWatch::read_events() {
  alignas(inotify_event) std::array<char, 4096> buffer;
  bool changed = false;
  for (ssize_t size = 0; (size = ::read(fd_.get(), buffer.data(), buffer.size())) > 0;) {
    for (std::size_t at = 0; at < static_cast<std::size_t>(size);) {
      inotify_event event;
      std::memcpy(&event, buffer.data() + at, sizeof event);
      const char* const name = buffer.data() + at + sizeof event;
      // More came than there was room for: perhaps this file too.
      changed |= (event.mask & IN_Q_OVERFLOW) != 0 || (event.len > 0 && name_ == name);
      at += sizeof event + event.len;
    }
  }
  if (changed) changed_();
}

}  // namespace adit::net
