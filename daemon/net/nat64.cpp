// SPDX-License-Identifier: MIT
#include "net/nat64.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>

#include "base/assert.h"
#include "base/file_descriptor.h"
#include "net/sockaddr.h"

namespace adit::net {
namespace {

/// RFC 7050, section 8.
constexpr std::array<std::array<std::uint8_t, 4>, 2> kWellKnown{{{192, 0, 0, 170}, {192, 0, 0, 171}}};
/// RFC 6052, section 2.2: the longest first, since the shorter ones leave more to chance.
constexpr std::array<std::uint8_t, 6> kPrefixes{96, 64, 56, 48, 40, 32};
/// Byte 8 is to be zero and is stepped over.
constexpr std::size_t kReserved = 8;

/// The places in an IPv6 address of the four bytes behind a prefix of that length.
std::array<std::size_t, 4> places(std::uint8_t prefix) {
  std::array<std::size_t, 4> found{};
  std::size_t at = prefix / 8U;
  for (auto& place : found) {
    if (at == kReserved) ++at;
    place = at++;
  }
  return found;
}

}  // namespace

std::optional<IpNetwork> nat64_prefix(const IpAddress& answer) {
  if (!answer.is_v6()) return std::nullopt;
  const auto bytes = answer.bytes();
  for (const auto prefix : kPrefixes) {
    if (prefix < 96 && bytes[kReserved] != 0) continue;
    std::array<std::uint8_t, 4> held{};
    std::ranges::transform(places(prefix), held.begin(), [&](std::size_t place) { return bytes[place]; });
    if (std::ranges::find(kWellKnown, held) != kWellKnown.end()) return IpNetwork{answer, prefix}.network();
  }
  return std::nullopt;
}

IpAddress through_nat64(const IpNetwork& prefix, const IpAddress& address) {
  ADIT_ASSERT(prefix.address.is_v6() && address.is_v4());
  std::array<std::uint8_t, 16> bytes{};
  std::ranges::copy(prefix.network().address.bytes(), bytes.begin());
  const auto at = places(prefix.prefix);
  for (std::size_t i = 0; i < at.size(); ++i) bytes[at[i]] = address.bytes()[i];
  return IpAddress::v6(bytes);
}

bool has_way_to(const IpAddress& address, std::optional<std::uint32_t> mark) {
  const FileDescriptor fd(::socket(to_af(address.family()), SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd) return false;
  if (mark) (void)::setsockopt(fd.get(), SOL_SOCKET, SO_MARK, &*mark, sizeof *mark);
  const auto to = to_sockaddr({address, 9});  // connecting a datagram socket only looks for the route
  return ::connect(fd.get(), to.get(), to.size) == 0;
}

}  // namespace adit::net
