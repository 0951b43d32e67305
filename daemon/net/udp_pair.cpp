// SPDX-License-Identifier: MIT
#include "net/udp_pair.h"

#include <fmt/core.h>

#include <utility>
#include <vector>

namespace adit::net {
namespace {

/// Ports that the kernel may offer for IPv4 before we give up hope that IPv6 has the same one free.
constexpr std::size_t kMaxTries = 32;

using Kind = UdpOpenError::Kind;

std::expected<UdpPair, UdpOpenError> open_one(UdpOptions options) {
  options.family = options.address.family();
  auto socket = UdpSocket::open(options);
  if (!socket && socket.error().kind == Kind::family_missing) {
    socket.error().message += fmt::format(
        ", but local.listen asks for {}: choose an address of the other family, or none", to_string(options.address));
  }
  if (!socket) return std::unexpected(socket.error());
  UdpPair pair;
  (options.family == Family::v4 ? pair.v4 : pair.v6) = std::move(*socket);
  return pair;
}

/// One try for both families. IPv4 takes the lead: where `options` leaves the port open, IPv6 takes the same. An IPv4
/// socket whose port IPv6 cannot have goes to `misfits`.
std::expected<UdpPair, UdpOpenError> open_both(UdpOptions options, std::vector<UdpSocket>& misfits) {
  UdpPair pair;
  options.family = Family::v4;
  if (auto v4 = UdpSocket::open(options)) {
    options.port = v4->local_port();
    pair.v4 = std::move(*v4);
  } else if (v4.error().kind != Kind::family_missing) {
    return std::unexpected(v4.error());
  }
  options.family = Family::v6;
  if (auto v6 = UdpSocket::open(options)) {
    pair.v6 = std::move(*v6);
  } else if (v6.error().kind != Kind::family_missing) {
    if (pair.v4) misfits.push_back(std::move(*pair.v4));
    return std::unexpected(v6.error());
  }
  return pair;
}

}  // namespace

UdpSocket* UdpPair::of(Family family) {
  if (family == Family::v4 && v4) return &*v4;
  if (family == Family::v6 && v6) return &*v6;
  return nullptr;
}

std::uint16_t UdpPair::port() const {
  return v4 ? v4->local_port() : v6 ? v6->local_port() : 0;
}

UdpOffloads UdpPair::offloads() const {
  UdpOffloads all{.can_send = true, .sends = true, .receives = true};
  for (const auto* socket : {&v4, &v6}) {
    if (!*socket) continue;
    all.can_send &= (*socket)->can_segment();
    all.sends &= (*socket)->segments();
    all.receives &= (*socket)->merges();
  }
  return all;
}

void UdpPair::try_segmentation_again() {
  for (auto* socket : {&v4, &v6}) {
    if (*socket) (*socket)->try_segmentation_again();
  }
}

bool UdpPair::set_mark(std::uint32_t mark) {
  bool done = true;
  for (auto* socket : {&v4, &v6}) {
    if (*socket) done &= (*socket)->set_mark(mark);
  }
  return done;
}

namespace {

UdpOptions options_of(const ListenOptions& options) {
  return {.address = options.address,
          .port = options.port,
          .device = options.device,
          .fwmark = options.fwmark,
          .offload = options.offload,
          .receive_buffer = options.receive_buffer,
          .send_buffer = options.send_buffer};
}

}  // namespace

Result<UdpPair> adopt_udp(FileDescriptor v4, FileDescriptor v6, const ListenOptions& options) {
  UdpPair pair;
  const auto adopt = [&options](FileDescriptor fd, Family family, std::optional<UdpSocket>& place) -> Result<> {
    if (!fd) return {};
    auto each = options_of(options);
    each.family = family;
    auto socket = UdpSocket::adopt(std::move(fd), each);
    if (!socket) return std::unexpected(socket.error());
    place = std::move(*socket);
    return {};
  };
  if (auto done = adopt(std::move(v4), Family::v4, pair.v4); !done) return std::unexpected(done.error());
  if (auto done = adopt(std::move(v6), Family::v6, pair.v6); !done) return std::unexpected(done.error());
  return pair;
}

Result<UdpPair> open_udp(const ListenOptions& options) {
  auto opened = try_open_udp(options);
  if (!opened) return fail("{}", opened.error().message);
  return std::move(*opened);
}

std::expected<UdpPair, UdpOpenError> try_open_udp(const ListenOptions& options) {
  const auto each = options_of(options);
  if (!options.address.is_none()) return open_one(each);

  // Kept open until the end, so that the kernel does not offer the same port twice.
  std::vector<UdpSocket> misfits;
  auto pair = open_both(each, misfits);
  for (std::size_t tries = 1; !pair && options.port == 0 && misfits.size() == tries && tries < kMaxTries; ++tries) {
    pair = open_both(each, misfits);
  }
  if (pair && !pair->v4 && !pair->v6) {
    return std::unexpected(
        UdpOpenError{Kind::family_missing, "this host has neither IPv4 nor IPv6: is its network up?"});
  }
  return pair;
}

}  // namespace adit::net
