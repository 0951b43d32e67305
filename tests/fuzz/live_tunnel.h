// SPDX-License-Identifier: MIT
// A tunnel with all three sessions (next, current, previous), and what its peer would send it. The handshakes are done
// once a process; each input gets a tunnel made anew, in exactly the state in which the last one got it.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <vector>

#include "support.h"
#include "tunnel/tunnel.h"

namespace adit::fuzz {

using Buffer = std::vector<std::uint8_t>;

/// What stays the same from input to input.
class LivePair {
 public:
  static const LivePair& get();

  const Endpoint here = *Endpoint::parse("192.0.2.1:1000");
  const Endpoint there = *Endpoint::parse("198.51.100.2:2000");
  Instant now{std::chrono::seconds(1'000'000)};

  std::unique_ptr<tunnel::Tunnel> make_ours(RandomSource& random, WallClock& clock) const;
  /// With its sessions.
  std::unique_ptr<tunnel::Tunnel> revive(RandomSource& random, WallClock& clock) const;
  const tunnel::SavedTunnel& ours() const { return ours_.saved; }
  const crypto::PublicKey& our_key() const { return our_key_; }
  const crypto::Aead& aead() const { return *aead_; }
  /// Whether `now` is early enough for the session that the peer sends with by then.
  bool session_lives(Instant at) const;
  /// A datagram of the peer's: in session 0 to 2 (next, current, previous).
  Buffer sealed(std::size_t session, std::uint64_t counter, Bytes plaintext) const;

 private:
  LivePair();
  std::unique_ptr<tunnel::Tunnel> make(const crypto::PrivateKey& key, const crypto::PublicKey& peer,
                                       RandomSource& random, WallClock& clock) const;

  test::SeededRandom random_{7};
  crypto::PrivateKey key_ = crypto::generate_private_key(random_);
  crypto::PrivateKey peer_private_ = crypto::generate_private_key(random_);
  crypto::PublicKey our_key_ = crypto::public_key_of(key_);
  crypto::PublicKey peer_key_ = crypto::public_key_of(peer_private_);
  std::unique_ptr<crypto::Aead> aead_ = crypto::make_sodium_aead();
  tunnel::SavedTunnelHolder ours_;
  std::array<crypto::DerivedKey, 3> peers_keys_;  ///< which it sends with
};

/// The tunnel for one input, and one turn of the shell around it.
class LiveTunnel {
 public:
  struct Turn {
    std::vector<Buffer> delivered;
    std::vector<Buffer> handshakes;  ///< sent in return
    std::vector<Buffer> sealed;
  };

  LiveTunnel();

  Turn receive(Buffer datagram, const Endpoint& source, std::uint8_t traffic_class = 0);
  Turn admit(Bytes packet, const offload::SplitPlan* plan = nullptr);
  /// And the timers that are due by then.
  Turn pass(Duration time);

  tunnel::Tunnel& machine() { return *machine_; }
  Instant now() const { return now_; }

 private:
  void take(Turn& turn);

  /// Numbers that differ, and the same ones for each input: splitmix64, since a better generator's beginning costs more
  /// than all the rest of a short input.
  class QuickRandom final : public RandomSource {
   public:
    void fill(MutableBytes out) override;

   private:
    std::uint64_t state_ = 11;
  };

  QuickRandom random_;
  test::SettableWallClock clock_;
  Instant now_;
  std::unique_ptr<tunnel::Tunnel> machine_;
  tunnel::Outbox outbox_;
  tunnel::InboundBatch batch_;
  std::vector<MutableBytes> delivered_;
};

}  // namespace adit::fuzz
