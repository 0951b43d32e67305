// SPDX-License-Identifier: MIT
#include "cli/remote.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sodium.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <vector>

#include "base/file_descriptor.h"
#include "net/io.h"

namespace adit::cli {
namespace {

constexpr std::size_t kMostOutput = 1024 * 1024;

/// As root: who is not asks sudo, which asks on the terminal here and, there being none, nobody on another host.
std::string as_root(const std::string& script, const char* sudo) {
  return fmt::format(
      "if [ \"$(id -u)\" = 0 ]; then exec sh -c {0}; fi; "
      "command -v sudo >/dev/null || {{ echo 'this needs root, and there is no sudo on this host' >&2; exit 127; }}; "
      "exec {1} sh -c {0}",
      shell_word(script), sudo);
}

/// The same for whatever shell the user of another host has: fish and csh take other quotes than sh, and have another
/// `if`.
std::string for_any_shell(std::string_view script) {
  std::string text(sodium_base64_ENCODED_LEN(script.size(), sodium_base64_VARIANT_ORIGINAL), '\0');
  sodium_bin2base64(text.data(), text.size(), reinterpret_cast<const unsigned char*>(script.data()), script.size(),
                    sodium_base64_VARIANT_ORIGINAL);
  text.pop_back();  // its terminating zero
  return fmt::format("exec sh -c 'eval \"$(echo {} | base64 -d)\"'", text);
}

/// In memory alone, to be read from its beginning. The input may hold keys.
Result<FileDescriptor> in_memory(std::string_view text) {
  FileDescriptor file(::memfd_create("adit", MFD_CLOEXEC));
  if (!file) return fail("no memory for what a host is to get: {}", net::describe(errno));
  while (!text.empty()) {
    const auto count = ::write(file.get(), text.data(), text.size());
    if (count < 0) return fail("no memory for what a host is to get: {}", net::describe(errno));
    text.remove_prefix(static_cast<std::size_t>(count));
  }
  ::lseek(file.get(), 0, SEEK_SET);
  return file;
}

Result<pid_t> spawn(const std::vector<std::string>& words, int input, int output) {
  std::vector<char*> argv;
  for (const auto& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  pid_t pid = -1;
  const int error = ::posix_spawnp(&pid, argv.front(), &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error == ENOENT) return fail("there is no {} here: install it (openssh-client has ssh)", words.front());
  if (error != 0) return fail("{} cannot be run: {}", words.front(), net::describe(error));
  return pid;
}

std::string read_all(int fd) {
  std::string text;
  std::array<char, 4096> part;
  for (;;) {
    const auto count = ::read(fd, part.data(), part.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return text;
    if (text.size() < kMostOutput) text.append(part.data(), static_cast<std::size_t>(count));
  }
}

}  // namespace

std::string shell_word(std::string_view text) {
  std::string result = "'";
  for (const char c : text) {
    if (c == '\'') {
      result += "'\\''";
    } else {
      result += c;
    }
  }
  return result + "'";
}

std::string value_of(const std::string& output, std::string_view key) {
  const auto at = output.find(fmt::format("{}=", key));
  if (at == std::string::npos) return {};
  const auto begin = at + key.size() + 1;
  return output.substr(begin, output.find('\n', begin) - begin);
}

Result<Remote::Outcome> Remote::run(const std::string& script, std::string_view input) const {
  auto stdin_file = in_memory(input);
  if (!stdin_file) return std::unexpected(stdin_file.error());
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return fail("no pipe is to be had: {}", net::describe(errno));
  const FileDescriptor output(ends[0]);
  FileDescriptor theirs(ends[1]);
  const std::vector<std::string> words =
      target_ == kLocal
          ? std::vector<std::string>{"sh", "-c", as_root(script, "sudo")}
          : std::vector<std::string>{"ssh", "-T", "--", target_, for_any_shell(as_root(script, "sudo -n"))};
  const auto pid = spawn(words, stdin_file->get(), theirs.get());
  if (!pid) return std::unexpected(pid.error());
  theirs.reset();
  Outcome outcome{.output = read_all(output.get())};
  int status = 0;
  while (::waitpid(*pid, &status, 0) < 0 && errno == EINTR) {
  }
  outcome.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return outcome;
}

Result<std::string> Remote::ask(const std::string& script, std::string_view input) const {
  auto outcome = run(script, input);
  if (!outcome) return std::unexpected(outcome.error());
  if (outcome->status == 255 && target_ != kLocal) {
    return fail("ssh does not get to {}: try `ssh {}` by itself", target_, target_);
  }
  return std::move(outcome->output);
}

}  // namespace adit::cli
