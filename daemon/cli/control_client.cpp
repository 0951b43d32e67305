// SPDX-License-Identifier: MIT
#include "cli/control_client.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cerrno>

#include "base/file_descriptor.h"

namespace adit::cli {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kLongestAnswer = 1024 * 1024;

std::unexpected<AskError> failure(int error) {
  switch (error) {
    case ENOENT:
    case ENOTDIR:
    case ENAMETOOLONG:
      return std::unexpected(AskError{AskFailure::no_socket, error});
    case ECONNREFUSED:
      return std::unexpected(AskError{AskFailure::nobody, error});
    case EACCES:
    case EPERM:
      return std::unexpected(AskError{AskFailure::forbidden, error});
    case EAGAIN:  // its queue is full, and has been for a while
      return std::unexpected(AskError{AskFailure::no_answer, error});
    default:
      return std::unexpected(AskError{AskFailure::broken, error});
  }
}

bool wait_for(int fd, short events, Clock::time_point deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
  pollfd wanted{.fd = fd, .events = events, .revents = 0};
  return left.count() > 0 && ::poll(&wanted, 1, static_cast<int>(left.count())) > 0;
}

}  // namespace

std::expected<std::string, AskError> ask(const std::filesystem::path& socket, std::string_view request,
                                         std::chrono::milliseconds timeout) {
  const auto deadline = Clock::now() + timeout;
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  const auto& path = socket.native();
  if (path.size() >= sizeof address.sun_path) return failure(ENAMETOOLONG);
  path.copy(address.sun_path, path.size());
  const FileDescriptor fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return failure(errno);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return failure(errno);

  // A request is far smaller than any socket's buffer: it goes at once or not at all.
  const auto line = std::string(request) + "\n";
  const auto sent = ::send(fd.get(), line.data(), line.size(), MSG_NOSIGNAL);
  if (sent != static_cast<ssize_t>(line.size())) return failure(sent < 0 ? errno : EAGAIN);

  std::string answer;
  std::array<char, 16 * 1024> part;
  while (answer.size() < kLongestAnswer) {
    if (!wait_for(fd.get(), POLLIN, deadline)) return failure(EAGAIN);
    const auto size = ::recv(fd.get(), part.data(), part.size(), 0);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (size <= 0) return failure(size < 0 ? errno : ECONNRESET);
    answer.append(part.data(), static_cast<std::size_t>(size));
    if (const auto end = answer.find('\n'); end != std::string::npos) return answer.substr(0, end);
  }
  return failure(EMSGSIZE);
}

}  // namespace adit::cli
