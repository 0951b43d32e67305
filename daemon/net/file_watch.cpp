// SPDX-License-Identifier: MIT
#include "net/file_watch.h"

#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <deque>
#include <system_error>
#include <utility>

namespace adit::net {
namespace {

/// Of a link or a folder that is made anew; a file is told of when it has something in it.
constexpr std::uint32_t kMade = IN_CREATE | IN_MOVED_TO;
constexpr std::uint32_t kWritten = IN_CLOSE_WRITE | IN_MOVED_TO | IN_ATTRIB;
/// The kernel follows no more.
constexpr int kMostLinks = 40;

struct Place {
  std::filesystem::path folder;
  std::string name;
  bool is_link;
};

/// Each link on the way to `file` as it is now, and last the file itself, or what is missing.
std::vector<Place> places_on_the_way_to(const std::filesystem::path& file) {
  std::vector<Place> places;
  std::filesystem::path at = ".";
  std::deque<std::filesystem::path> rest(file.begin(), file.end());
  for (int links = 0; !rest.empty() && links <= kMostLinks;) {
    const auto part = std::move(rest.front());
    rest.pop_front();
    if (part.empty()) continue;
    const auto next = part.is_absolute() ? part : at / part;
    std::error_code error;
    const auto status = std::filesystem::symlink_status(next, error);
    const bool is_link = std::filesystem::is_symlink(status);
    if (is_link || rest.empty() || !std::filesystem::exists(status)) places.push_back({at, part, is_link});
    if (!std::filesystem::exists(status)) break;
    if (is_link) {
      const auto target = std::filesystem::read_symlink(next, error);
      rest.insert(rest.begin(), target.begin(), target.end());
      ++links;
    } else {
      at = next;
    }
  }
  return places;
}

}  // namespace

FileWatch::FileWatch(EventLoop& loop, std::filesystem::path file, std::function<void()> changed)
    : file_(std::move(file)), changed_(std::move(changed)), fd_(inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {
  if (!fd_) return;
  watch_the_way();
  known_ = look();
  watch_ = loop.watch(fd_.get(), EPOLLIN, [this](std::uint32_t) { read_events(); });
}

/// Anew whenever it may be another one.
void FileWatch::watch_the_way() {
  const auto before = std::exchange(way_, {});
  works_ = true;
  for (const auto& place : places_on_the_way_to(file_)) {
    const int watch = inotify_add_watch(fd_.get(), place.folder.c_str(), kMade | kWritten | IN_ONLYDIR);
    works_ &= watch >= 0;
    way_.push_back({watch, place.folder / place.name, place.is_link});
  }
  for (const auto& step : before) {
    const auto is_same = [&step](const Step& other) { return other.watch == step.watch; };
    if (step.watch >= 0 && std::ranges::none_of(way_, is_same)) inotify_rm_watch(fd_.get(), step.watch);
  }
}

FileWatch::Identity FileWatch::look() const {
  struct stat status{};
  if (::stat(file_.c_str(), &status) != 0) return {};
  return {.device = status.st_dev,
          .inode = status.st_ino,
          .modified = std::int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec};
}

FileWatch::News FileWatch::meaning_of(std::uint32_t mask, int watch, const std::string& name) const {
  // More came than there was room for: perhaps this file too.
  if ((mask & IN_Q_OVERFLOW) != 0) return News::file;
  // A folder is gone, as that of the keys before is.
  if ((mask & IN_IGNORED) != 0) return News::way;
  const auto is_it = [&](const Step& step) { return step.watch == watch && step.place.filename() == name; };
  const auto step = std::ranges::find_if(way_, is_it);
  if (step == way_.end()) return News::none;
  if (step->is_link || (mask & IN_ISDIR) != 0) return News::way;
  if ((mask & kWritten) != 0) return News::file;
  // Made just now: nothing is in it yet, unless it is a link.
  std::error_code error;
  return std::filesystem::is_symlink(step->place, error) ? News::way : News::none;
}

void FileWatch::read_events() {
  alignas(inotify_event) std::array<char, 4096> buffer;
  auto news = News::none;
  for (ssize_t size = 0; (size = ::read(fd_.get(), buffer.data(), buffer.size())) > 0;) {
    for (std::size_t at = 0; at < static_cast<std::size_t>(size);) {
      inotify_event event;
      std::memcpy(&event, buffer.data() + at, sizeof event);
      const char* const name = buffer.data() + at + sizeof event;
      news = std::max(news, meaning_of(event.mask, event.wd, event.len > 0 ? name : ""));
      at += sizeof event + event.len;
    }
  }
  if (news == News::none) return;
  watch_the_way();
  const auto now = look();
  const bool is_another = now != Identity{} && now != known_;
  if (now != Identity{}) known_ = now;
  if (news == News::file || is_another) changed_();
}

}  // namespace adit::net
