// SPDX-License-Identifier: MIT
// Echo requests with DF through the link: a small one, one as large as the interface takes, and if that is lost the
// largest that is not. An answer is as large as its question, so both directions are measured as one.
#include <linux/icmpv6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>

#include "base/file_descriptor.h"
#include "doctor/gather.h"
#include "net/io.h"
#include "net/network_namespace.h"
#include "net/sockaddr.h"
#include "tunnel/prober.h"

namespace adit::doctor {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

static_assert(IP_PMTUDISC_PROBE == IPV6_PMTUDISC_PROBE);

constexpr std::uint32_t kEchoHeader = 8;
constexpr std::uint32_t kSmall = 100;  ///< with its headers; passes where anything does
constexpr milliseconds kProbePatience{1000};
constexpr milliseconds kShortest{300};
/// From 576 to 1,500 takes ten halvings, each of which may be lost twice.
constexpr milliseconds kAllPatience{8000};

std::uint16_t checksum(Bytes bytes) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) sum += i % 2 == 0 ? std::uint32_t{bytes[i]} << 8 : bytes[i];
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum);
}

class Prober {
 public:
  explicit Prober(const IpAddress& address) : to_(net::to_sockaddr({.address = address})), v4_(address.is_v4()) {}

  /// Why not; empty: it can ask.
  std::string open(const std::string& interface) {
    const int protocol = v4_ ? int{IPPROTO_ICMP} : int{IPPROTO_ICMPV6};
    const int family = v4_ ? AF_INET : AF_INET6;
    fd_.reset(::socket(family, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol));
    raw_ = static_cast<bool>(fd_);
    if (!raw_) fd_.reset(::socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol));
    if (!fd_) return fmt::format("this user may not send echo requests ({}): run as root", net::describe(errno));
    const int probe = IP_PMTUDISC_PROBE;  // the same number in IPv6
    const int done = v4_ ? ::setsockopt(fd_.get(), IPPROTO_IP, IP_MTU_DISCOVER, &probe, sizeof probe)
                         : ::setsockopt(fd_.get(), IPPROTO_IPV6, IPV6_MTU_DISCOVER, &probe, sizeof probe);
    if (done != 0) return fmt::format("cannot forbid fragments: {}", net::describe(errno));
    // Whatever the routes say: this must not leave the host unencrypted.
    if (::setsockopt(fd_.get(), SOL_SOCKET, SO_BINDTODEVICE, interface.data(),
                     static_cast<socklen_t>(interface.size())) != 0) {
      return fmt::format("cannot send through {}: {}", interface, net::describe(errno));
    }
    return {};
  }

  /// Is an IP packet of that size answered? Twice, as one may be lost to chance.
  bool answers(std::uint32_t size, milliseconds patience) {
    return ask(size, Clock::now() + patience) || ask(size, Clock::now() + patience);
  }

 private:
  std::uint32_t headers() const { return (v4_ ? 20 : 40) + kEchoHeader; }

  bool ask(std::uint32_t size, Clock::time_point deadline) {
    std::vector<std::uint8_t> message(size - headers() + kEchoHeader, 0x5a);
    const auto identifier = static_cast<std::uint16_t>(::getpid());
    ++sequence_;
    message[0] = v4_ ? std::uint8_t{ICMP_ECHO} : std::uint8_t{ICMPV6_ECHO_REQUEST};
    message[1] = message[2] = message[3] = 0;
    message[4] = static_cast<std::uint8_t>(identifier >> 8);
    message[5] = static_cast<std::uint8_t>(identifier);
    message[6] = static_cast<std::uint8_t>(sequence_ >> 8);
    message[7] = static_cast<std::uint8_t>(sequence_);
    const auto sum = v4_ ? checksum(message) : std::uint16_t{0};  // the kernel's own affair in IPv6
    message[2] = static_cast<std::uint8_t>(sum >> 8);
    message[3] = static_cast<std::uint8_t>(sum);
    const auto sent = ::sendto(fd_.get(), message.data(), message.size(), 0, to_.get(), to_.size);
    return sent == static_cast<ssize_t>(message.size()) && await(message, deadline);
  }

  bool await(const std::vector<std::uint8_t>& message, Clock::time_point deadline) {
    std::vector<std::uint8_t> buffer(65'536);
    for (;;) {
      const auto left = std::chrono::ceil<milliseconds>(deadline - Clock::now());
      pollfd wanted{.fd = fd_.get(), .events = POLLIN, .revents = 0};
      if (left.count() <= 0 || ::poll(&wanted, 1, static_cast<int>(left.count())) <= 0) return false;
      const auto size = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
      if (size > 0 && is_answer({buffer.data(), static_cast<std::size_t>(size)}, message)) return true;
    }
  }

  bool is_answer(Bytes packet, const std::vector<std::uint8_t>& message) const {
    if (v4_ && raw_) {
      const auto header = packet.empty() ? std::size_t{0} : std::size_t{packet[0] & 15U} * 4;
      packet = packet.subspan(std::min(header, packet.size()));
    }
    // A ping socket's identifier is the kernel's choice; it delivers nobody else's answers.
    const std::size_t from = raw_ ? 4 : 6;
    return packet.size() == message.size() && packet[0] == (v4_ ? ICMP_ECHOREPLY : ICMPV6_ECHO_REPLY) &&
           std::equal(packet.begin() + from, packet.end(), message.begin() + from);
  }

  net::SocketAddress to_;
  bool v4_;
  bool raw_ = false;
  FileDescriptor fd_;
  std::uint16_t sequence_ = 0;
};

/// The socket is to be where the interface is. Why not; empty: it can ask.
std::string open_there(Prober& prober, const std::string& interface, const std::string& netns) {
  if (netns.empty()) return prober.open(interface);
  const auto there = net::NetworkNamespace::open(netns);
  if (!there) return there.error().message;
  const auto visit = there->enter();
  return visit ? prober.open(interface) : visit.error().message;
}

void probe(Prober& prober, ProbeFacts& facts) {
  const auto begin = Clock::now();
  facts.answers = prober.answers(kSmall, kProbePatience);
  if (!facts.answers) return;
  facts.largest = kSmall;
  const auto round_trip = std::chrono::ceil<milliseconds>(Clock::now() - begin);
  const auto patience = std::clamp(round_trip * 4, kShortest, kProbePatience);
  if (prober.answers(facts.mtu, patience)) {
    facts.largest = facts.mtu;
    return;
  }
  auto lost = facts.mtu;
  while (lost - facts.largest > 1 && Clock::now() - begin < kAllPatience) {
    const auto middle = facts.largest + (lost - facts.largest) / 2;
    (prober.answers(middle, patience) ? facts.largest : lost) = middle;
  }
}

}  // namespace

void gather_probe(Facts& facts) {
  auto& found = facts.path.probe;
  const auto* const config = facts.config();
  const auto* const interface = facts.around_interface().find(facts.interface_name());
  if (config == nullptr || !facts.up() || interface == nullptr || !interface->up) {
    found.why_not = "the link is not up";
    return;
  }
  if (config->interface.mode == config::Mode::tap) {
    found.why_not = "the link carries Ethernet frames, whose addresses inside this host does not have";
    return;
  }
  const auto ends = tunnel::find_probe_ends(config->interface.addresses, config->interface.peer_addresses);
  if (!ends) {
    found.why_not = "the file does not say the peer's address in the tunnel (interface.peer_addresses)";
    return;
  }
  found.address = to_string(ends->peers);
  found.mtu = interface->mtu;
  Prober prober(ends->peers);
  found.why_not = open_there(prober, interface->name, facts.netns());
  if (found.why_not.empty()) probe(prober, found);
}

}  // namespace adit::doctor
