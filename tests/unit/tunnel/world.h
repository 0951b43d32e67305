// SPDX-License-Identifier: MIT
// Two tunnels in one process: a clock that goes where it is told, a network that loses, doubles, reorders and corrupts,
// in one direction or in both, with as many ways between the two as they have addresses, an eavesdropper who has
// everything that was ever sent. Wherever a packet goes, the World checks what must always hold: no nonce twice,
// nothing delivered twice, nothing delivered that was not sent by the other host.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <queue>
#include <set>

#include "support.h"
#include "tunnel/tunnel.h"

namespace adit::tunnel::test {

using adit::test::SeededRandom;
using adit::test::SettableWallClock;
using std::chrono_literals::operator""s;
using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""h;
using std::chrono_literals::operator""min;

using Buffer = std::vector<std::uint8_t>;

inline IpNetwork subnet(const char* text) {
  return *IpNetwork::parse(text);
}

/// An IPv4 packet whose payload begins with a number nobody else uses.
inline Buffer inner_packet(const char* source, const char* destination, std::uint64_t id, std::size_t size = 64) {
  Buffer bytes(std::max<std::size_t>(size, 28), static_cast<std::uint8_t>(id));
  std::ranges::fill(std::span(bytes).first<20>(), std::uint8_t{0});
  bytes[0] = 0x45;
  store_be16(bytes.data() + 2, static_cast<std::uint16_t>(bytes.size()));
  std::ranges::copy(IpAddress::parse(source)->bytes(), bytes.begin() + 12);
  std::ranges::copy(IpAddress::parse(destination)->bytes(), bytes.begin() + 16);
  store_be64(bytes.data() + 20, id);
  return bytes;
}

struct Wire {
  double loss = 0;
  double duplicate = 0;
  double corrupt = 0;
  Duration delay = 5ms;
  Duration jitter = 0ms;         ///< reorders
  std::size_t widest = 65'535;   ///< what a datagram that may not be cut gets through
  bool drops_fragments = false;  ///< nor do others
};

struct Host {
  const char* inner;
  Endpoint address;                 ///< where the network finds it
  std::vector<Endpoint> more = {};  ///< and where else; what it answers from there comes from there
  crypto::PrivateKey key;
  crypto::PublicKey public_key;
  SeededRandom random;
  SettableWallClock clock;
  Duration clock_offset{};
  noise::Tai64n saved_timestamp{};
  noise::Tai64n saved_initiation{};  ///< the peer's newest
  std::unique_ptr<Tunnel> tunnel;

  std::vector<Event> events;
  std::vector<Buffer> delivered;
  bool echoes = true;  ///< its kernel answers echo requests, which are not among `delivered` either way
  std::size_t echoed = 0;
  std::uint64_t datagrams_sent = 0;
  std::set<std::pair<std::uint32_t, std::uint64_t>> nonces;  ///< by remote index: sessions never share one

  template <class Kind>
  std::size_t count() const {
    return static_cast<std::size_t>(
        std::ranges::count_if(events, [](const Event& event) { return std::holds_alternative<Kind>(event); }));
  }
  std::uint64_t drops(DropReason reason) const { return tunnel->status().drops[reason]; }
};

/// The answer to an ICMP or ICMPv6 echo request without options, as large as that.
Buffer echo_reply(Bytes request);

class World {
 public:
  struct Flight {
    Instant arrives;
    std::uint64_t order;
    Host* from;
    Path path;  ///< as the receiver sees it
    Endpoint to;
    Buffer bytes;
    bool operator>(const Flight& other) const {
      return std::tie(arrives, order) > std::tie(other.arrives, other.order);
    }
  };

  explicit World(std::uint64_t seed = 1);

  void start(Host& host, bool knows_peer = true);
  void stop(Host& host) { host.tunnel.reset(); }

  void send(Host& host, std::size_t size = 64);
  void send(Host& host, Buffer packet);
  /// `packet` is one that `host` sends and its peer may therefore deliver, once.
  void expect(Host& host, const Buffer& packet) { sent_[load_be64(packet.data() + 20)] = {&host, packet}; }
  /// Hands `bytes` to the tunnel as a datagram that came from `source`; `local`: to which of its addresses.
  void inject(Host& host, Endpoint source, Buffer bytes, IpAddress local = {});
  void run(Duration time);
  /// One turn of the shell after any call to a tunnel.
  void transmit(Host& host);

  Host& peer_of(Host& host) { return &host == &a ? b : a; }
  template <class Condition>
  bool run_until(Condition condition, Duration limit) {
    for (const auto end = now + limit; now < end;) {
      if (condition()) return true;
      run(10ms);
    }
    return condition();
  }
  bool both_up() { return a.tunnel->has_session(now) && b.tunnel->has_session(now); }
  /// A packet sent now arrives within `limit`, sent again each second.
  bool passes(Host& from, Duration limit);
  /// Sessions on both ends and nothing in flight.
  void connect();

  Instant now{1'000'000s};
  SeededRandom random;
  Wire network;
  /// What never arrives, if set.
  std::function<bool(const Flight&)> swallows;
  Host a;
  Host b;
  Outbox outbox;
  /// Every datagram that was ever sent.
  std::vector<Flight> overheard;
  std::size_t max_overheard = 20'000;
  /// Keys are the hosts' unless a test wants others.
  crypto::PresharedKey preshared_a;
  crypto::PresharedKey preshared_b;
  std::optional<Duration> keepalive_a = 25s;
  bool only_when_needed = false;  ///< of hosts that are started from now on
  std::optional<Duration> keepalive_b = 25s;
  std::unique_ptr<crypto::Aead> aead = crypto::make_sodium_aead();

 private:
  void launch(Host& host, const Path& path, Bytes bytes, bool whole = false);
  bool echo(Host& host, Bytes packet);
  void arrive(Flight flight);
  void set_clocks();

  std::priority_queue<Flight, std::vector<Flight>, std::greater<>> in_flight_;
  std::vector<Buffer> echoes_;  ///< to be sent by whom they came to
  std::uint64_t order_ = 0;
  std::uint64_t next_id_ = 1;
  std::map<std::uint64_t, std::pair<Host*, Buffer>> sent_;
  std::set<std::uint64_t> delivered_ids_;
};

}  // namespace adit::tunnel::test
