// SPDX-License-Identifier: MIT
#include "doctor/program.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

#include "base/file_descriptor.h"
#include "net/io.h"

namespace adit::doctor {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kMostOutput = 16 * 1024 * 1024;

std::string path_of(const std::string& program) {
  for (const auto* const folder : {"/usr/sbin/", "/usr/bin/", "/sbin/", "/bin/"}) {
    if (auto path = folder + program; ::access(path.c_str(), X_OK) == 0) return path;
  }
  return {};
}

/// Its process id, or why it could not be run.
Result<pid_t> spawn(const std::string& path, const std::vector<std::string>& words, int output) {
  std::vector<char*> argv;
  for (const auto& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  std::array<char*, 3> environment{const_cast<char*>("LC_ALL=C"),
                                   const_cast<char*>("PATH=/usr/sbin:/usr/bin:/sbin:/bin"), nullptr};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  pid_t pid = -1;
  const int error = ::posix_spawn(&pid, path.c_str(), &actions, nullptr, argv.data(), environment.data());
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return fail("{} cannot be run: {}", path, net::describe(error));
  return pid;
}

/// All that comes before the end, or nothing when that does not come in time.
bool read_all(int fd, std::string& text, Clock::time_point deadline) {
  std::array<char, 64 * 1024> part;
  while (text.size() < kMostOutput) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    pollfd wanted{.fd = fd, .events = POLLIN, .revents = 0};
    if (left.count() <= 0 || ::poll(&wanted, 1, static_cast<int>(left.count())) <= 0) return false;
    const auto size = ::read(fd, part.data(), part.size());
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return size == 0;
    text.append(part.data(), static_cast<std::size_t>(size));
  }
  return false;
}

}  // namespace

Result<std::string> output_of(const std::vector<std::string>& words, std::chrono::milliseconds patience) {
  const auto& program = words.front();
  const auto path = path_of(program);
  if (path.empty()) return fail("{} is not installed", program);
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return fail("{} cannot be run: {}", program, net::describe(errno));
  const FileDescriptor output(ends[0]);
  FileDescriptor input(ends[1]);
  const auto pid = spawn(path, words, input.get());
  if (!pid) return std::unexpected(pid.error());
  input.reset();

  std::string text;
  const bool complete = read_all(output.get(), text, Clock::now() + patience);
  if (!complete) ::kill(*pid, SIGKILL);
  int status = 0;
  while (::waitpid(*pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (!complete) return fail("{} took longer than {} ms, or said too much", program, patience.count());
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) return fail("{} failed", program);
  return text;
}

}  // namespace adit::doctor
