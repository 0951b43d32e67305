// SPDX-License-Identifier: MIT
// A client of the exporter: what it sends in two parts, and what it gets for it.
#include <sys/socket.h>
#include <sys/un.h>

#include <array>

#include "cli/http_server.h"
#include "fuzz.h"

namespace adit::fuzz {
namespace {

/// Both ends on this machine, and in no network: a socket with a name that the kernel makes up.
struct Server {
  net::EventLoop loop;
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  socklen_t size = sizeof(sa_family_t);
  FileDescriptor listening{::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  std::optional<cli::HttpServer> server;

  Server() {
    auto* const name = reinterpret_cast<sockaddr*>(&address);
    require(::bind(listening.get(), name, size) == 0, "a socket gets a name");
    size = sizeof address;
    require(::getsockname(listening.get(), name, &size) == 0 && ::listen(listening.get(), 8) == 0, "a socket listens");
    server.emplace(loop, std::move(listening), [] { return std::string("adit_up 1\n"); });
  }
  void turn() {
    while (loop.run_once(Duration::zero())) {
    }
  }
};

void send(int fd, Bytes part) {
  if (!part.empty()) (void)::send(fd, part.data(), part.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

}  // namespace

void run(Bytes bytes) {
  static Server server;
  Input input(bytes);
  const FileDescriptor client(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  require(::connect(client.get(), reinterpret_cast<const sockaddr*>(&server.address), server.size) == 0,
          "a client is let in");
  send(client.get(), input.bytes(input.u16()));
  server.turn();
  send(client.get(), input.rest());
  ::shutdown(client.get(), SHUT_WR);
  server.turn();
  std::array<char, 16'384> answer{};
  const auto size = ::recv(client.get(), answer.data(), answer.size(), MSG_DONTWAIT);
  const std::string_view text(answer.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
  require(text.empty() || text.starts_with("HTTP/1.1 "), "an answer is HTTP");
  server.turn();
  require(server.server->clients() == 0, "a client that has gone is forgotten");
}

}  // namespace adit::fuzz
