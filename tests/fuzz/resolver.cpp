// SPDX-License-Identifier: MIT
// A name server's answers to the two questions for a name, whatever is behind their heads. In a network of its own,
// where there is nobody else. What neither answer settles is not waited for.
#include "net/resolver.h"

#include <arpa/inet.h>
#include <fmt/core.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "fuzz.h"

namespace adit::fuzz {
namespace {

/// One that answers with what it is given. Without a network of its own it would have no other names than the host's.
class Server {
 public:
  Server() {
    require(unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0 || unshare(CLONE_NEWNET) == 0, "there is a network of its own");
    fd_ = FileDescriptor(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    ifreq request{};
    std::string_view("lo").copy(static_cast<char*>(request.ifr_name), IFNAMSIZ - 1);
    request.ifr_flags = IFF_UP;
    require(::ioctl(fd_.get(), SIOCSIFFLAGS, &request) == 0, "lo is up");
    sockaddr_in address{.sin_family = AF_INET, .sin_port = 0, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
    socklen_t size = sizeof address;
    auto* const name = reinterpret_cast<sockaddr*>(&address);
    require(::bind(fd_.get(), name, size) == 0 && ::getsockname(fd_.get(), name, &size) == 0, "it has a port");
    port_ = ntohs(address.sin_port);
  }
  std::uint16_t port() const { return port_; }

  /// False: nobody asks.
  bool answer(Bytes body) {
    std::array<std::uint8_t, 512> question{};
    sockaddr_storage from{};
    socklen_t size = sizeof from;
    auto* const name = reinterpret_cast<sockaddr*>(&from);
    const auto asked = ::recvfrom(fd_.get(), question.data(), question.size(), 0, name, &size);
    if (asked < 12) return false;
    // The number, the flags and what was asked as they should be; else c-ares would look no further.
    std::vector<std::uint8_t> answer(question.begin(), question.begin() + asked);
    answer[2] = 0x84;
    answer[3] = 0;
    std::fill(answer.begin() + 6, answer.begin() + 12, std::uint8_t{0});
    if (!body.empty()) answer[7] = body[0] % 8;
    if (!body.empty()) answer[3] = body[0] >> 4 == 15 ? body[0] % 16 : 0;
    // EDNS of the question goes.
    std::size_t end = 12;
    while (end < answer.size() && answer[end] != 0) end += answer[end] + 1u;
    answer.resize(std::min(end + 5, answer.size()));
    if (!body.empty()) answer.insert(answer.end(), body.begin() + 1, body.end());
    (void)::sendto(fd_.get(), answer.data(), answer.size(), 0, name, size);
    return true;
  }

 private:
  FileDescriptor fd_;
  std::uint16_t port_ = 0;
};

}  // namespace

void run(Bytes bytes) {
  static Server server;
  static net::EventLoop loop;
  Input input(bytes);
  net::ResolverOptions options;
  options.servers = fmt::format("127.0.0.1:{}", server.port());
  options.tries = 1;
  net::Resolver resolver(loop, options);
  bool done = false;
  const auto lookup = resolver.resolve("peer.example", 51'820, [&done](Result<net::Resolved> resolved) {
    done = true;
    if (!resolved) return require(!resolved.error().message.empty(), "an error has words");
    require(!resolved->endpoints.empty(), "an answer has an address");
    for (const auto& endpoint : resolved->endpoints) require(endpoint.port == 51'820, "the port is the one asked for");
    require(!resolved->time_to_live || resolved->time_to_live->count() >= 0, "time does not go back");
  });
  const auto first = input.bytes(input.u16() % 512);
  const auto second = input.rest();
  for (int rounds = 0; rounds < 6 && !done; ++rounds) {
    const bool asked = server.answer(rounds % 2 == 0 ? first : second);
    const bool moved = loop.run_once(Duration::zero());
    if (!asked && !moved) break;
  }
}

}  // namespace adit::fuzz
