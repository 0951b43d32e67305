// SPDX-License-Identifier: MIT
#include "app/background.h"

#include <fcntl.h>
#include <sys/syslog.h>
#include <sys/wait.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <tuple>

#include "net/io.h"

namespace adit::app {
namespace {

/// Whoever reads what we print waits for the end of it: so the descriptors have to go.
void leave_output() {
  FileDescriptor out(::sd_journal_stream_fd("aditd", LOG_INFO, 0));
  if (!out) out = FileDescriptor(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!out) return;
  ::dup2(out.get(), STDOUT_FILENO);
  ::dup2(out.get(), STDERR_FILENO);
}

int exit_status_of(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE;
}

}  // namespace

Result<int> run_in_background(const std::function<int(const std::function<void()>& ready)>& work) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return fail("cannot go into the background: {}", net::describe(errno));
  FileDescriptor hears(ends[0]);
  FileDescriptor tells(ends[1]);
  const auto child = ::fork();
  if (child < 0) return fail("cannot go into the background: {}", net::describe(errno));
  if (child > 0) {
    tells.reset();
    char word = 0;
    ssize_t size = 0;
    while ((size = ::read(hears.get(), &word, 1)) < 0 && errno == EINTR) {
    }
    return size == 1 ? EXIT_SUCCESS : exit_status_of(child);
  }

  hears.reset();
  ::setsid();
  if (::chdir("/") != 0) return fail("cannot go to the folder /: {}", net::describe(errno));
  if (const FileDescriptor null(::open("/dev/null", O_RDONLY | O_CLOEXEC)); null) ::dup2(null.get(), STDIN_FILENO);
  return work([&tells] {
    leave_output();
    const char word = 1;
    std::ignore = ::write(tells.get(), &word, 1);
    tells.reset();
  });
}

}  // namespace adit::app
