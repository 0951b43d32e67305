// SPDX-License-Identifier: MIT
// The group keeps its number for as long as its leader has not been reaped; so whatever is sent to the group is sent
// before that, and can hit nobody else.
#include "net/child_process.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <system_error>
#include <utility>

#include "base/assert.h"
#include "base/descriptor_limit.h"
#include "net/io.h"

namespace adit::net {
namespace {

/// A child that prints without end must not keep packets waiting: so much a turn.
constexpr std::size_t kReadSize = 16 * 1024;
/// What a pipe holds, unless somebody enlarges it.
constexpr int kReadsAtEnd = 64 * 1024 / kReadSize;

class FileActions {
 public:
  FileActions() : ok_(posix_spawn_file_actions_init(&actions_) == 0) {}
  ~FileActions() {
    if (ok_) posix_spawn_file_actions_destroy(&actions_);
  }
  FileActions(const FileActions&) = delete;
  FileActions& operator=(const FileActions&) = delete;

  /// Descriptors close on exec already; that the rest is closed here too covers those a library forgot to mark.
  /// /dev/null comes last: `output` may itself be 0, if whoever started us had closed that.
  bool set(int output) {
    return ok_ && posix_spawn_file_actions_adddup2(&actions_, output, STDOUT_FILENO) == 0 &&
           posix_spawn_file_actions_adddup2(&actions_, output, STDERR_FILENO) == 0 &&
           posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0) == 0 &&
           posix_spawn_file_actions_addclosefrom_np(&actions_, STDERR_FILENO + 1) == 0;
  }
  const posix_spawn_file_actions_t* get() const { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_{};
  bool ok_;
};

class SpawnAttributes {
 public:
  SpawnAttributes() : ok_(posix_spawnattr_init(&attributes_) == 0) {}
  ~SpawnAttributes() {
    if (ok_) posix_spawnattr_destroy(&attributes_);
  }
  SpawnAttributes(const SpawnAttributes&) = delete;
  SpawnAttributes& operator=(const SpawnAttributes&) = delete;

  /// A group of its own; and signals as a login shell has them, since we block some and ignore others.
  bool set() {
    sigset_t none;
    sigset_t all;
    sigemptyset(&none);
    sigfillset(&all);
    return ok_ &&
           posix_spawnattr_setflags(&attributes_,
                                    POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF) == 0 &&
           posix_spawnattr_setpgroup(&attributes_, 0) == 0 && posix_spawnattr_setsigmask(&attributes_, &none) == 0 &&
           posix_spawnattr_setsigdefault(&attributes_, &all) == 0;
  }
  const posix_spawnattr_t* get() const { return &attributes_; }

 private:
  posix_spawnattr_t attributes_{};
  bool ok_;
};

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (auto& text : texts) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

void drop_last_character(std::string& line) {
  bool first_byte = false;
  while (!line.empty() && !first_byte) {
    first_byte = (static_cast<std::uint8_t>(line.back()) & 0xc0) != 0x80;
    line.pop_back();
  }
}

/// Control characters could move the cursor of whoever reads the log, or forge a line.
std::string harmless(std::string_view line) {
  std::string result;
  for (const char c : line) {
    const auto byte = static_cast<std::uint8_t>(c);
    result += c == '\t' ? ' ' : byte < 0x20 || byte == 0x7f ? '?' : c;
  }
  return result;
}

}  // namespace

void OutputLines::add(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto end = bytes.find('\n');
    const auto part = bytes.substr(0, end);
    // One more than is shown, to know that there was more.
    pending_ += part.substr(0, std::min(part.size(), kMaxLine + 1 - pending_.size()));
    if (end == std::string_view::npos) return;
    bytes.remove_prefix(end + 1);
    if (pending_.empty()) continue;
    finish();
  }
}

void OutputLines::finish() {
  auto line = std::exchange(pending_, {});
  if (line.ends_with('\r')) line.pop_back();
  if (line.empty() || ++count_ > kMaxLines) return;
  const bool cut = line.size() > kMaxLine;
  if (cut) drop_last_character(line);  // of which there may be only a half
  line_(harmless(line) + (cut ? "…" : ""));
}

ChildProcess::ChildProcess(EventLoop& loop, OutputLines::Line line, Ended ended)
    : loop_(loop), lines_(std::move(line)), ended_(std::move(ended)), timer_(loop, [this] { time_passed(); }) {}

Result<std::unique_ptr<ChildProcess>> ChildProcess::start(EventLoop& loop, const ChildOptions& options,
                                                          OutputLines::Line line, Ended ended) {
  try {
    std::unique_ptr<ChildProcess> child(new ChildProcess(loop, std::move(line), std::move(ended)));
    if (auto done = child->spawn(options); !done) return std::unexpected(done.error());
    child->listen(options.timeout);
    return child;
  } catch (const std::system_error& error) {
    // We may be called by the loop, where a want of descriptors is no reason to end the link.
    return fail("{}", error.what());
  }
}

Result<> ChildProcess::spawn(const ChildOptions& options) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return fail("{}", describe(errno));
  output_.reset(ends[0]);
  const FileDescriptor input(ends[1]);
  // Of the reading end alone: programs do not expect that writing fails because the reader is slow.
  if (::fcntl(output_.get(), F_SETFL, O_NONBLOCK) != 0) return fail("{}", describe(errno));

  FileActions actions;
  SpawnAttributes attributes;
  if (!actions.set(input.get()) || !attributes.set()) return fail("{}", describe(ENOMEM));
  auto words = options.words;
  auto environment = options.environment;
  // Whoever started us may have chosen to ignore it, and then there would be no exit status to be had.
  std::signal(SIGCHLD, SIG_DFL);
  const UsualDescriptorLimit usual;
  // Waits until the program is loaded, or cannot be, and for nothing that it does.
  const int error = ::posix_spawnp(&pid_, words[0].c_str(), actions.get(), attributes.get(), pointers(words).data(),
                                   pointers(environment).data());
  if (error != 0) return fail("{}", describe(error));
  stage_ = Stage::running;
  return {};
}

void ChildProcess::listen(Duration timeout) {
  // By number: the declaration in glibc 2.36 is not for C++. It closes on exec.
  pidfd_.reset(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
  if (!pidfd_) throw std::system_error(errno, std::generic_category(), "its end cannot be waited for");
  end_watch_ = loop_.watch(pidfd_.get(), EPOLLIN, [this](std::uint32_t) { reap(); });
  output_watch_ = loop_.watch(output_.get(), EPOLLIN, [this](std::uint32_t) {
    if (read_some() == Read::over) output_watch_.reset();
  });
  timer_.set(loop_.now() + timeout);
}

ChildProcess::~ChildProcess() {
  if (stage_ == Stage::gone) return;
  send(SIGKILL);
  siginfo_t info{};
  // Not waited for: if it lingers, it is init's once we are gone.
  ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG);
}

void ChildProcess::send(int signal) const {
  ::kill(-pid_, signal);
}

void ChildProcess::terminate(ChildEnd::How why) {
  if (stage_ != Stage::running) return;
  why_ended_ = why;
  stage_ = Stage::terminating;
  send(SIGTERM);
  timer_.set(loop_.now() + kGrace);
}

void ChildProcess::time_passed() {
  if (stage_ == Stage::running) {
    terminate(ChildEnd::How::timed_out);
  } else if (stage_ == Stage::terminating) {
    stage_ = Stage::killing;
    send(SIGKILL);
    timer_.set(loop_.now() + kGrace);
  } else if (stage_ == Stage::killing) {
    // Stuck in the kernel, or no longer ours to kill.
    finish({.how = ChildEnd::How::escaped});
  }
}

ChildProcess::Read ChildProcess::read_some() {
  std::array<char, kReadSize> buffer;
  const auto size = ::read(output_.get(), buffer.data(), buffer.size());
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return Read::nothing;
  if (size <= 0) return Read::over;
  lines_.add({buffer.data(), static_cast<std::size_t>(size)});
  return Read::some;
}

/// What was printed before the end. Others in the group may go on printing, so it is bounded.
void ChildProcess::read_rest() {
  for (int i = 0; i < kReadsAtEnd && read_some() == Read::some; ++i) continue;
  lines_.finish();
}

void ChildProcess::reap() {
  // What it has started is to end with it if it was to end; whatever a child that ended by itself leaves may stay.
  if (why_ended_ != ChildEnd::How::exited) send(SIGKILL);
  siginfo_t info{};
  ADIT_ASSERT(::waitid(P_PIDFD, static_cast<id_t>(pidfd_.get()), &info, WEXITED | WNOHANG) == 0);
  if (info.si_pid == 0) return;
  read_rest();
  ChildEnd end{.how = why_ended_, .number = info.si_status};
  if (why_ended_ == ChildEnd::How::exited && info.si_code != CLD_EXITED) end.how = ChildEnd::How::signalled;
  finish(end);
}

void ChildProcess::finish(ChildEnd end) {
  stage_ = Stage::gone;
  end_watch_.reset();
  output_watch_.reset();
  timer_.set(std::nullopt);
  end.lines_left_out = lines_.left_out();
  // Last, and from a copy: it may destroy us.
  const auto ended = std::exchange(ended_, {});
  ended(end);
}

}  // namespace adit::net
