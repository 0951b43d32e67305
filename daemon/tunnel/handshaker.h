// SPDX-License-Identifier: MIT
// Handshakes of one link in both roles (paper §5.4.1 to §5.4.4, §5.3): makes and takes the messages, keeps what is
// between an initiation and its response, and yields sessions. Sessions, timers and data packets are the Tunnel's.
//
// The two roles do not touch each other: an initiation of ours stays in flight while the peer's is answered, so two
// ends that start at the same moment both come through at once.
#pragma once

#include <algorithm>
#include <array>
#include <memory>
#include <optional>

#include "noise/cookie.h"
#include "tunnel/batch.h"
#include "tunnel/key_observer.h"
#include "tunnel/sessions.h"
#include "tunnel/under_load.h"

namespace adit::tunnel {

class Handshaker {
 public:
  /// `sessions` is asked which indices are taken. The references must outlive the handshaker.
  Handshaker(noise::StaticKeys keys, crypto::PresharedKey preshared, noise::Tai64n last_timestamp,
             const Sessions& sessions, RandomSource& random, WallClock& wall_clock);

  /// Initiations that can be in flight, each to another endpoint: however late the first of them is answered, it is
  /// known.
  static constexpr std::size_t kInFlight = 8;

  /// A fresh initiation; one to the same endpoint still unanswered is forgotten, or the oldest of too many.
  /// `rather`: an answer from there is to be preferred to any other.
  HandshakeDatagram initiate(const Path& path, bool rather, Instant now);

  /// What became of a handshake message or cookie reply.
  struct Outcome {
    std::optional<DropReason> dropped;        ///< set: nothing but `reply` and `stranger` is
    crypto::PublicKey stranger;               ///< who called, when dropped for wrong_key
    std::optional<HandshakeDatagram> reply;   ///< to be sent where the message came from
    std::shared_ptr<noise::Keypair> session;  ///< the message was the peer's, and this came of it
    bool fresh_cookie = false;                ///< it was a cookie for a message of ours that had none, or an old one
    /// When the session is one we began.
    struct Answered {
      Endpoint called;
      Instant sent{};
      bool rather = false;
    } answered{};
  };
  /// `expected`: where the peer is called; unknown: nowhere. What comes from there is heard under load, too, now and
  /// then.
  Outcome take(wire::MessageType type, const Datagram& datagram, const Endpoint& expected, Instant now);

  /// When the initiation was sent to `remote` whose response is awaited; nothing when there is none.
  std::optional<Instant> awaited_since(const Endpoint& remote) const {
    for (const auto& pending : pending_) {
      if (pending && pending->to == remote) return pending->sent;
    }
    return std::nullopt;
  }
  /// The response to an initiation that went there, whatever its scope, is awaited.
  bool awaits(const IpAddress& address, std::optional<std::uint16_t> port = {}) const {
    return std::ranges::any_of(pending_, [&](const auto& pending) {
      return pending && pending->to.address == address && pending->to.port == port.value_or(pending->to.port);
    });
  }
  /// Forgets initiations that have been in flight since before `limit`.
  void abandon_sent_before(Instant limit) {
    for (auto& pending : pending_) {
      if (pending && pending->sent < limit) pending.reset();
    }
  }
  /// Nothing of ours is in flight any more, and no cookie of ours is good.
  void forget() {
    for (auto& pending : pending_) pending.reset();
    mac_reader_.forget_secret();
  }
  /// An answer from there is no longer to be preferred.
  void prefer_no_more(const Endpoint& endpoint) {
    for (auto& pending : pending_) {
      if (pending && pending->to == endpoint) pending->rather = false;
    }
  }
  /// An initiation sent after `instant` is still unanswered.
  bool awaits_later_than(Instant instant) const {
    return std::ranges::any_of(pending_, [&](const auto& pending) { return pending && pending->sent > instant; });
  }
  void set_preshared_key(crypto::PresharedKey key);
  bool has_preshared_key(const crypto::PresharedKey& key) const {
    return crypto::equal_in_constant_time(preshared_.bytes(), key.bytes());
  }
  const crypto::PresharedKey& preshared_key() const { return preshared_; }
  const crypto::PrivateKey& private_key() const { return keys_.local_private; }
  /// Sees the keys of handshakes from now on; null: nobody does.
  void set_key_observer(KeyObserver* observer) { key_observer_ = observer; }
  const crypto::PublicKey& our_key() const { return keys_.local_public; }
  const crypto::PublicKey& peer_key() const { return keys_.remote_public; }
  /// The peer's newest: only later ones are taken.
  noise::Tai64n newest_initiation() const { return newest_initiation_; }
  void set_newest_initiation(noise::Tai64n newest) { newest_initiation_ = newest; }
  noise::Tai64n last_timestamp() const { return timestamps_.last(); }
  bool under_load(Instant now) const { return load_.under_load(now); }
  Instant under_load_until() const { return load_.until(); }

 private:
  std::optional<Outcome> refuse_early(const Datagram& datagram, const Endpoint& expected, Instant now);
  Outcome take_initiation(const Datagram& datagram, Instant now);
  Outcome take_response(const Datagram& datagram, Instant now);
  Outcome take_cookie(const Datagram& datagram, Instant now);
  std::uint32_t free_index();
  void show_keys(const crypto::PrivateKey& ephemeral) const;
  template <class Message>
  HandshakeDatagram finish(Message& message, const Path& path, Instant now);

  struct Pending {
    noise::PendingInitiation initiation;
    Endpoint to;
    Instant sent;
    bool rather;
  };
  std::optional<Pending>& free_place(const Endpoint& to);

  noise::StaticKeys keys_;
  crypto::PresharedKey preshared_;
  noise::TimestampSource timestamps_;
  const Sessions& sessions_;
  RandomSource& random_;
  WallClock& wall_clock_;
  KeyObserver* key_observer_ = nullptr;
  noise::MacWriter mac_writer_;
  noise::MacReader mac_reader_;
  LoadMeter load_;
  RateLimiter limiter_;
  Reserve reserve_;

  std::array<std::optional<Pending>, kInFlight> pending_;
  std::uint32_t last_sent_index_ = 0;  ///< of our last handshake message: a cookie reply must name it
  noise::Tai64n newest_initiation_{};  ///< the peer's: later ones only
  std::optional<Instant> initiation_taken_;
};

}  // namespace adit::tunnel
