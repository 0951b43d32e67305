// SPDX-License-Identifier: MIT
// Puts the fragments of packets together again (RFC 791 §3.2, RFC 815, RFC 8200 §4.5), of one peer, which has proved
// that they are its own. What it may cost is bounded all the same: packets, parts, bytes and time.
//
// Parts may come in any order. Of those that overlap none is believed, nor is any that comes later of that packet (RFC
// 5722); one that comes twice is passed over. A packet is there with its last missing part, and in its place in the
// order. Identifications come round again, those of IPv4 after 65,536 packets: a part that has waited while many others
// passed is of a packet that is lost, and must not become part of another (RFC 4963).
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "base/time.h"
#include "wire/ecn.h"
#include "wire/ip_fragment.h"

namespace adit::tunnel {

class Reassembly {
 public:
  static constexpr std::size_t kMaxPackets = 64;        ///< that wait; beyond, the oldest goes
  static constexpr std::size_t kMaxBytes = 512 * 1024;  ///< of memory for them all
  /// Of a packet. The largest one has 125 on the narrowest way that frames are cut for (config::kMinMtu, over IPv6).
  static constexpr std::size_t kMaxParts = 128;
  static constexpr std::size_t kMaxSize = 65'535;
  static constexpr Duration kMaxAge = std::chrono::seconds(5);
  static constexpr std::uint64_t kMaxPassed = 4096;  ///< packets, while one waits

  /// What is left of the fragments' headers, and what was in them.
  struct Whole {
    std::vector<std::uint8_t> payload;
    std::uint8_t protocol = 0;  ///< of the first part
    wire::Ecn mark = wire::Ecn::not_capable;
    std::size_t parts = 0;
    std::size_t size = 0;  ///< of all parts as they came, headers included
  };

  /// `size`: of the packet that `part` came in; `mark`: its; `passed`: packets of the peer's so far. None: it waits for
  /// others, or was dropped.
  std::optional<Whole> add(const wire::IpFragment& part, std::size_t size, wire::Ecn mark, std::uint64_t passed,
                           Instant now);
  /// Drops what has waited for too long.
  void expire(Instant now);
  /// When there will be something to drop; none: never, as it is.
  std::optional<Instant> deadline() const;

  /// Parts, since it was asked last.
  struct Dropped {
    std::uint64_t refused = 0;     ///< they contradict each other, are no parts of a packet, or came twice
    std::uint64_t incomplete = 0;  ///< the others did not come
  };
  Dropped take_dropped() { return std::exchange(dropped_, {}); }
  /// Bytes of memory that what waits takes, those included that were set aside for parts to come.
  std::size_t held() const;
  /// All that waits goes, and counts as dropped.
  void clear();

 private:
  /// Where in Packet::bytes a part is, which came at that place.
  struct Part {
    std::size_t offset = 0;
    std::size_t size = 0;
    std::size_t at = 0;
    std::size_t end() const { return offset + size; }
  };
  struct Packet {
    std::uint32_t identification = 0;
    std::uint64_t passed = 0;
    Instant since{};
    bool refused = false;  ///< whatever comes, too: it has no parts
    std::optional<std::size_t> end;
    std::uint8_t protocol = 0;
    std::uint8_t marks = 0;  ///< a bit for each that came
    std::size_t size = 0;
    std::vector<Part> parts;
    std::vector<std::uint8_t> bytes;
    std::size_t held() const { return parts.capacity() * sizeof(Part) + bytes.capacity(); }
  };
  enum class Fit : std::uint8_t { fits, comes_twice, contradicts };

  Packet& find(std::uint32_t identification, std::uint64_t passed, Instant now);
  static Fit compare(const Packet& packet, const wire::IpFragment& part);
  void refuse(Packet& packet);
  void drop(std::vector<Packet>::iterator packet);
  std::optional<Whole> take(Packet& packet);

  std::vector<Packet> packets_;  ///< the oldest first
  Dropped dropped_;
};

}  // namespace adit::tunnel
