// SPDX-License-Identifier: MIT
#include "service/file_writer.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <map>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

#include "base/file_descriptor.h"
#include "net/io.h"

namespace adit::service {

Result<> replace_file(const std::filesystem::path& path, const std::string& content) {
  auto fresh = path;
  fresh += ".new";
  const auto failed = [&path](int error) { return fail("cannot write {}: {}", path.string(), net::describe(error)); };
  {
    const FileDescriptor output(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!output) return failed(errno);
    const auto written = ::write(output.get(), content.data(), content.size());
    if (written != static_cast<ssize_t>(content.size())) return failed(written < 0 ? errno : ENOSPC);
  }
  if (::rename(fresh.c_str(), path.c_str()) != 0) return failed(errno);
  return {};
}

namespace {

/// Has the file on its way to the disk, and does not wait until it is there: of what is in memory alone a power cut
/// leaves nothing.
void begin_writeback(const std::filesystem::path& path) {
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (file) ::sync_file_range(file.get(), 0, 0, SYNC_FILE_RANGE_WRITE);
}

}  // namespace

struct FileWriter::Work {
  std::mutex mutex;
  std::condition_variable changed;
  std::map<std::filesystem::path, std::string> waiting;
  std::filesystem::path current;                      ///< is being written; empty: nothing is
  std::map<std::filesystem::path, Result<>> results;  ///< of each file's last writing
  std::filesystem::path later;                        ///< the last that nobody waited for
  bool started = false;
  bool stuck = false;  ///< somebody has waited in vain
  bool ending = false;

  bool idle() const { return waiting.empty() && current.empty(); }
};

FileWriter::FileWriter(std::chrono::milliseconds patience) : patience_(patience), work_(std::make_shared<Work>()) {}

FileWriter::~FileWriter() {
  std::unique_lock lock(work_->mutex);
  work_->ending = true;
  work_->changed.notify_all();
  if (work_->started) work_->changed.wait_for(lock, kLastPatience, [this] { return work_->idle(); });
}

/// False: no thread is to be had, and nobody else writes, then.
bool FileWriter::start() {
  if (work_->started) return true;
  try {
    std::thread(run, work_).detach();
    work_->started = true;
  } catch (const std::system_error&) {
    work_->waiting.clear();
  }
  return work_->started;
}

Result<> FileWriter::write_later(const std::filesystem::path& path, const std::string& content) {
  const std::unique_lock lock(work_->mutex);
  work_->waiting[path] = content;
  if (!start()) return replace_file(path, content);
  work_->changed.notify_all();
  const auto before = work_->results.find(std::exchange(work_->later, path));
  return before == work_->results.end() ? Result<>() : before->second;
}

Result<> FileWriter::write(const std::filesystem::path& path, const std::string& content) {
  std::unique_lock lock(work_->mutex);
  work_->waiting[path] = content;
  if (!start()) return replace_file(path, content);
  work_->changed.notify_all();
  const bool done = !work_->stuck && work_->changed.wait_for(lock, patience_, [this] { return work_->idle(); });
  if (done) return work_->results[path];
  work_->stuck = true;
  return fail("cannot write {} yet: the disk does not answer; it is written when it does", path.string());
}

void FileWriter::run(const std::shared_ptr<Work>& work) {
  std::unique_lock lock(work->mutex);
  while (true) {
    work->changed.wait(lock, [&] { return work->ending || !work->waiting.empty(); });
    if (work->waiting.empty()) return;
    auto next = work->waiting.extract(work->waiting.begin());
    work->current = next.key();
    lock.unlock();
    auto result = replace_file(next.key(), next.mapped());
    lock.lock();
    work->results[work->current] = std::move(result);
    work->current.clear();
    if (work->idle()) work->stuck = false;
    work->changed.notify_all();
    // When nobody waits any more: a slow disk may take a moment even for that.
    lock.unlock();
    begin_writeback(next.key());
    lock.lock();
  }
}

}  // namespace adit::service
