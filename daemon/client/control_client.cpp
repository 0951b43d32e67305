// SPDX-License-Identifier: MIT
#include "client/control_client.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <thread>
#include <utility>

#include "base/descriptor_limit.h"
#include "base/file_descriptor.h"

namespace adit::client {
namespace {

using Clock = std::chrono::steady_clock;

/// Nothing tells when there is room in a full queue.
constexpr std::chrono::milliseconds kQueuePause{10};
/// A status with 16,384 routes, each with a metric, a table and a source of IPv6, has 2.5 MB.
constexpr std::size_t kLongestAnswer = 4 * 1024 * 1024;

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
    case EAGAIN:
      return std::unexpected(AskError{AskFailure::no_answer, error});
    default:
      return std::unexpected(AskError{AskFailure::broken, error});
  }
}

/// At the deadline and after it: whether there is something now.
bool wait_for(int fd, short events, Clock::time_point deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
  pollfd wanted{.fd = fd, .events = events, .revents = 0};
  return ::poll(&wanted, 1, std::max(0, static_cast<int>(left.count()))) > 0;
}

std::expected<FileDescriptor, AskError> send_request(const std::filesystem::path& socket, std::string_view request) {
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  const auto& path = socket.native();
  if (path.empty()) return failure(ENOENT);
  if (path.size() >= sizeof address.sun_path) return failure(ENAMETOOLONG);
  path.copy(address.sun_path, path.size());
  FileDescriptor fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return failure(errno);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return failure(errno);

  // A request is far smaller than any socket's buffer: it goes at once or not at all.
  const auto line = std::string(request) + "\n";
  const auto sent = ::send(fd.get(), line.data(), line.size(), MSG_NOSIGNAL);
  if (sent != static_cast<ssize_t>(line.size())) return failure(sent < 0 ? errno : EAGAIN);
  return fd;
}

/// More wait to be let in than there is room for: it takes one of them as soon as it comes round.
bool is_queue_full(const std::expected<FileDescriptor, AskError>& asked) {
  return !asked && asked.error().error == EAGAIN;
}

bool are_descriptors_short(const std::expected<FileDescriptor, AskError>& asked) {
  return !asked && (asked.error().error == EMFILE || asked.error().error == ENFILE);
}

Answer read_answer(const FileDescriptor& fd, Clock::time_point deadline) {
  std::string answer;
  std::array<char, 16 * 1024> part;
  while (answer.size() < kLongestAnswer) {
    if (!wait_for(fd.get(), POLLIN, deadline)) return failure(EAGAIN);
    const auto size = ::recv(fd.get(), part.data(), part.size(), 0);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (size <= 0) return failure(size < 0 ? errno : ECONNRESET);
    const auto before = answer.size();
    answer.append(part.data(), static_cast<std::size_t>(size));
    if (const auto end = answer.find('\n', before); end != std::string::npos) return answer.substr(0, end);
  }
  return failure(EMSGSIZE);
}

}  // namespace

std::expected<FileDescriptor, AskError> subscribe(const std::filesystem::path& socket, std::string_view request) {
  return send_request(socket, request);
}

Answer ask(const std::filesystem::path& socket, std::string_view request, std::chrono::milliseconds timeout) {
  return std::move(ask_all({&socket, 1}, request, timeout).front());
}

std::vector<Answer> ask_all(std::span<const std::filesystem::path> sockets, std::string_view request,
                            std::chrono::milliseconds timeout) {
  const auto deadline = Clock::now() + timeout;
  const RaisedDescriptorLimit raised;  // there may be hundreds of links
  std::vector<std::expected<FileDescriptor, AskError>> asked;
  for (const auto& socket : sockets) asked.push_back(send_request(socket, request));
  for (std::size_t i = 0; i < sockets.size(); ++i) {
    while (is_queue_full(asked[i]) && Clock::now() < deadline) {
      std::this_thread::sleep_for(kQueuePause);
      asked[i] = send_request(sockets[i], request);
    }
  }
  // Whoever used up the time, the answers of the others are there by then, waiting in their sockets.
  std::vector<Answer> answers;
  for (std::size_t i = 0; i < sockets.size(); ++i) {
    auto each = std::exchange(asked[i], std::unexpected(AskError{}));
    // Those before have given theirs back by now.
    if (are_descriptors_short(each)) each = send_request(sockets[i], request);
    answers.push_back(each ? read_answer(*each, deadline) : std::unexpected(each.error()));
  }
  return answers;
}

}  // namespace adit::client
