// SPDX-License-Identifier: MIT
// A `gretap` for kernels that have none, written plainly: frames of a TAP go into GRE packets (RFC 2784, protocol
// 0x6558) between two IPv4 addresses, and come out of them. For scripts/bench --tap alone. Neither key nor numbers nor
// checksums.
//
//   adit_gretap DEVICE LOCAL REMOTE
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

constexpr std::array<std::uint8_t, 4> kEthernet{0, 0, 0x65, 0x58};
constexpr int kBuffer = 4 << 20;
constexpr int kBurst = 64;  // frames of one side before it is the other's turn

[[noreturn]] void die(const char* what) {
  std::perror(what);
  std::_Exit(1);
}

int open_tap(const char* name) {
  const int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  ifreq request{};
  std::strncpy(request.ifr_name, name, IFNAMSIZ - 1);
  request.ifr_flags = IFF_TAP | IFF_NO_PI;
  if (fd < 0 || ioctl(fd, TUNSETIFF, &request) != 0) die("the TAP");
  return fd;
}

int open_wire(const char* local, const char* remote) {
  const int fd = socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_GRE);
  sockaddr_in ours{};
  sockaddr_in peers{};
  ours.sin_family = peers.sin_family = AF_INET;
  if (inet_pton(AF_INET, local, &ours.sin_addr) != 1 || inet_pton(AF_INET, remote, &peers.sin_addr) != 1)
    die("address");
  const auto* const bound = reinterpret_cast<const sockaddr*>(&ours);
  const auto* const connected = reinterpret_cast<const sockaddr*>(&peers);
  if (fd < 0 || bind(fd, bound, sizeof ours) != 0 || connect(fd, connected, sizeof peers) != 0) die("the socket");
  for (const int option : {SO_RCVBUFFORCE, SO_SNDBUFFORCE}) {
    setsockopt(fd, SOL_SOCKET, option, &kBuffer, sizeof kBuffer);
  }
  return fd;
}

/// What cannot be passed on is lost, as on a cable.
void frames_to_wire(int tap, int wire) {
  std::array<std::uint8_t, 65'536> packet;
  std::memcpy(packet.data(), kEthernet.data(), kEthernet.size());
  for (int i = 0; i < kBurst; ++i) {
    const auto size = read(tap, packet.data() + kEthernet.size(), packet.size() - kEthernet.size());
    if (size <= 0) return;
    [[maybe_unused]] const auto sent = send(wire, packet.data(), kEthernet.size() + static_cast<std::size_t>(size), 0);
  }
}

void wire_to_frames(int wire, int tap) {
  std::array<std::uint8_t, 65'536> packet;
  for (int i = 0; i < kBurst; ++i) {
    const auto size = recv(wire, packet.data(), packet.size(), 0);
    if (size <= 0) return;
    const auto header = static_cast<std::size_t>(packet[0] & 15) * 4 + kEthernet.size();
    const auto* const gre = packet.data() + header - kEthernet.size();
    if (static_cast<std::size_t>(size) <= header || std::memcmp(gre, kEthernet.data(), kEthernet.size()) != 0) continue;
    [[maybe_unused]] const auto given = write(tap, packet.data() + header, static_cast<std::size_t>(size) - header);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: adit_gretap DEVICE LOCAL REMOTE\n");
    return 2;
  }
  const int tap = open_tap(argv[1]);
  const int wire = open_wire(argv[2], argv[3]);
  std::puts("ready");
  std::fflush(stdout);
  for (;;) {
    std::array<pollfd, 2> both{{{tap, POLLIN, 0}, {wire, POLLIN, 0}}};
    if (poll(both.data(), both.size(), -1) < 0) continue;
    if (both[0].revents != 0) frames_to_wire(tap, wire);
    if (both[1].revents != 0) wire_to_frames(wire, tap);
  }
}
