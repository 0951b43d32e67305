// SPDX-License-Identifier: MIT
#include "cli/http_server.h"

#include <fmt/core.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <system_error>

namespace adit::cli {
namespace {

constexpr std::size_t kAcceptsPerTurn = 16;
constexpr Duration kPause = std::chrono::seconds(1);
constexpr std::string_view kMetricsType = "text/plain; version=0.0.4; charset=utf-8";
constexpr std::string_view kTextType = "text/plain; charset=utf-8";

std::string response(std::string_view status, std::string_view type, std::string_view body, bool with_body = true) {
  return fmt::format(
      "HTTP/1.1 {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nX-Content-Type-Options: nosniff\r\n"
      "Connection: close\r\n\r\n{}",
      status, type, body.size(), with_body ? body : "");
}

std::string refusal(std::string_view status) {
  return response(status, kTextType, fmt::format("{}\n", status));
}

/// The part up to `separator`, which is taken off `rest`, too.
std::string_view take(std::string_view& rest, char separator) {
  const auto end = rest.find(separator);
  const auto part = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  return part;
}

}  // namespace

HttpServer::HttpServer(net::EventLoop& loop, FileDescriptor listening, Page page, Duration patience)
    : loop_(loop), fd_(std::move(listening)), page_(std::move(page)), patience_(patience), deadline_(loop, [this] {
        tick();
      }) {
  watch_ = loop_.watch(fd_.get(), EPOLLIN, [this](std::uint32_t) { accept(); });
}

void HttpServer::accept() {
  for (std::size_t i = 0; i < kAcceptsPerTurn; ++i) {
    FileDescriptor fd(::accept4(fd_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (fd) {
      add(std::move(fd));
      continue;
    }
    if (errno != EMFILE && errno != ENFILE && errno != ENOBUFS && errno != ENOMEM) return;
    // The client waits in the kernel, and the event would come again at once.
    if (!clients_.empty()) clients_.pop_front();
    watch_.set_events(0);
    deadline_.set(loop_.now() + kPause);
    return;
  }
}

void HttpServer::add(FileDescriptor fd) {
  if (clients_.size() >= kMaxClients) clients_.pop_front();
  const auto client = clients_.emplace(clients_.end());
  client->fd = std::move(fd);
  client->deadline = loop_.now() + patience_;
  try {
    client->watch = loop_.watch(client->fd.get(), EPOLLIN, [this, client](std::uint32_t) { serve(client); });
  } catch (const std::system_error&) {  // out of memory: it may come again
    clients_.erase(client);
    return;
  }
  if (!deadline_.deadline()) deadline_.set(client->deadline);
}

void HttpServer::tick() {
  while (!clients_.empty() && clients_.front().deadline <= loop_.now()) clients_.pop_front();
  deadline_.set(clients_.empty() ? std::nullopt : std::optional(clients_.front().deadline));
  watch_.set_events(EPOLLIN);
}

void HttpServer::serve(ClientPlace client) {
  bool alive = client->answered || receive(*client);
  if (alive && client->answered) alive = send(*client) && !client->output.empty();
  if (!alive) {
    clients_.erase(client);
    return;
  }
  client->watch.set_events(client->answered ? EPOLLOUT : EPOLLIN);
}

/// Reads on until the request's head is complete, and has its answer ready then. False: the connection is no use.
bool HttpServer::receive(Client& client) {
  std::array<char, 4096> part;
  const auto size = ::recv(client.fd.get(), part.data(), part.size(), 0);
  if (size < 0) return errno == EAGAIN || errno == EINTR;
  if (size == 0) return false;
  client.input.append(part.data(), static_cast<std::size_t>(size));
  const bool complete =
      client.input.find("\r\n\r\n") != std::string::npos || client.input.find("\n\n") != std::string::npos;
  if (!complete && client.input.size() < kMaxRequest) return true;
  client.output = complete ? answer(client.input) : refusal("431 Request Header Fields Too Large");
  client.answered = true;
  return true;
}

/// False: the connection is broken.
bool HttpServer::send(Client& client) {
  while (!client.output.empty()) {
    const auto size = ::send(client.fd.get(), client.output.data(), client.output.size(), MSG_NOSIGNAL);
    if (size < 0) return errno == EAGAIN || errno == EINTR;
    client.output.erase(0, static_cast<std::size_t>(size));
  }
  return true;
}

std::string HttpServer::answer(std::string_view request) const {
  auto line = take(request, '\n');
  if (line.ends_with('\r')) line.remove_suffix(1);
  const auto method = take(line, ' ');
  const auto target = take(line, ' ');
  if (method.empty() || !target.starts_with('/') || !line.starts_with("HTTP/1.")) return refusal("400 Bad Request");
  const bool head = method == "HEAD";
  if (!head && method != "GET") return refusal("405 Method Not Allowed");
  const auto path = target.substr(0, target.find('?'));
  if (path == "/metrics") return response("200 OK", kMetricsType, page_(), !head);
  if (path == "/") return response("200 OK", kTextType, "adit exporter: the metrics are at /metrics\n", !head);
  return refusal("404 Not Found");
}

}  // namespace adit::cli
