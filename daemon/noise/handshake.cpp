// SPDX-License-Identifier: MIT
// Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s (paper §5.4). Lines are labelled with the token of the pattern they serve:
//
//   ← s
//   ...
//   → e, es, s, ss, {timestamp}
//   ← e, ee, se, psk, {}
#include "noise/handshake.h"

#include "base/assert.h"

namespace adit::noise {
namespace {

constexpr std::string_view kConstruction = "Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s";
constexpr std::string_view kIdentifier = "WireGuard v1 zx2c4 Jason@zx2c4.com";

/// Every handshake key encrypts one message, so its nonce is 0.
constexpr std::uint64_t kOnce = 0;

/// For points that were checked before: the peer's static key, and an ephemeral that has been through a DH already.
crypto::SharedSecret agree(const crypto::PrivateKey& ours, const crypto::PublicKey& theirs) {
  auto secret = crypto::x25519(ours, theirs);
  ADIT_ASSERT(secret);
  return std::move(*secret);
}

/// The keys of the data phase: the initiator sends with the first (§5.4.5).
std::array<crypto::DerivedKey, 2> split(const SymmetricState& state) {
  return crypto::kdf<2>(state.chaining_key().bytes(), {});
}

}  // namespace

Result<StaticKeys> StaticKeys::make(crypto::PrivateKey local, const crypto::PublicKey& remote) {
  auto static_static = crypto::x25519(local, remote);
  if (!static_static) return fail("the peer's public key is a point of low order, which no private key belongs to");
  const auto local_public = crypto::public_key_of(local);
  return StaticKeys{std::move(local), local_public, remote, std::move(*static_static)};
}

SymmetricState::SymmetricState(const crypto::PublicKey& responder) {
  const auto construction = crypto::blake2s({as_bytes(kConstruction)});
  chaining_key_ = crypto::DerivedKey(construction);
  hash_ = crypto::blake2s({construction, as_bytes(kIdentifier)});
  mix_hash(responder.bytes);
}

SymmetricState SymmetricState::clone() const {
  SymmetricState copy;
  copy.chaining_key_ = chaining_key_.clone();
  copy.hash_ = hash_;
  return copy;
}

void SymmetricState::mix_hash(Bytes data) {
  hash_ = crypto::blake2s({hash_, data});
}

void SymmetricState::mix_chain(Bytes input) {
  auto [chain] = crypto::kdf<1>(chaining_key_.bytes(), input);
  chaining_key_ = std::move(chain);
}

crypto::DerivedKey SymmetricState::mix_key(Bytes input) {
  auto [chain, key] = crypto::kdf<2>(chaining_key_.bytes(), input);
  chaining_key_ = std::move(chain);
  return std::move(key);
}

crypto::DerivedKey SymmetricState::mix_preshared(Bytes input) {
  auto [chain, middle, key] = crypto::kdf<3>(chaining_key_.bytes(), input);
  chaining_key_ = std::move(chain);
  mix_hash(middle.bytes());
  return std::move(key);
}

void SymmetricState::seal(const crypto::DerivedKey& key, Bytes plaintext, MutableBytes out) {
  crypto::aead_seal(key, kOnce, hash_, plaintext, out);
  mix_hash(out);
}

bool SymmetricState::open(const crypto::DerivedKey& key, Bytes sealed, MutableBytes out) {
  if (!crypto::aead_open(key, kOnce, hash_, sealed, out)) return false;
  mix_hash(sealed);
  return true;
}

PendingInitiation write_initiation(const StaticKeys& keys, crypto::PrivateKey ephemeral, const Tai64n& timestamp,
                                   std::uint32_t local_index, wire::HandshakeInitiation& out) {
  out = {};
  out.sender.set(local_index);
  SymmetricState state(keys.remote_public);

  out.ephemeral = crypto::public_key_of(ephemeral).bytes;  // e
  state.mix_chain(out.ephemeral);
  state.mix_hash(out.ephemeral);

  const auto static_key = state.mix_key(agree(ephemeral, keys.remote_public).bytes());  // es
  state.seal(static_key, keys.local_public.bytes, out.static_key);                      // s

  const auto timestamp_key = state.mix_key(keys.static_static.bytes());  // ss
  state.seal(timestamp_key, timestamp.bytes, out.timestamp);             // {timestamp}

  return {std::move(state), std::move(ephemeral), local_index};
}

std::expected<AcceptedInitiation, RefusedInitiation> read_initiation(const StaticKeys& keys,
                                                                     const wire::HandshakeInitiation& message) {
  const auto refused = [](std::optional<crypto::PublicKey> stranger = {}) {
    return std::unexpected(RefusedInitiation{stranger});
  };
  SymmetricState state(keys.local_public);
  const crypto::PublicKey remote_ephemeral{message.ephemeral};

  state.mix_chain(message.ephemeral);  // e
  state.mix_hash(message.ephemeral);

  const auto ephemeral_static = crypto::x25519(keys.local_private, remote_ephemeral);
  if (!ephemeral_static) return refused();
  const auto static_key = state.mix_key(ephemeral_static->bytes());  // es
  crypto::PublicKey remote_static;
  if (!state.open(static_key, message.static_key, remote_static.bytes)) return refused();  // s

  const bool from_peer = remote_static == keys.remote_public;
  std::optional<crypto::SharedSecret> other;
  if (!from_peer) other = crypto::x25519(keys.local_private, remote_static);
  if (!from_peer && !other) return refused();

  const auto timestamp_key = state.mix_key(from_peer ? keys.static_static.bytes() : other->bytes());  // ss
  Tai64n timestamp;
  if (!state.open(timestamp_key, message.timestamp, timestamp.bytes)) return refused();  // {timestamp}
  if (!from_peer) return refused(remote_static);
  return AcceptedInitiation{std::move(state), remote_ephemeral, timestamp, message.sender.get()};
}

TransportKeys write_response(const StaticKeys& keys, const crypto::PresharedKey& preshared,
                             const AcceptedInitiation& initiation, const crypto::PrivateKey& ephemeral,
                             std::uint32_t local_index, wire::HandshakeResponse& out) {
  out = {};
  out.sender.set(local_index);
  out.receiver.set(initiation.remote_index);
  auto state = initiation.state.clone();

  out.ephemeral = crypto::public_key_of(ephemeral).bytes;  // e
  state.mix_chain(out.ephemeral);
  state.mix_hash(out.ephemeral);

  state.mix_chain(agree(ephemeral, initiation.remote_ephemeral).bytes());  // ee
  state.mix_chain(agree(ephemeral, keys.remote_public).bytes());           // se

  const auto empty_key = state.mix_preshared(preshared.bytes());  // psk
  state.seal(empty_key, {}, out.empty);                           // {}

  auto [theirs, ours] = split(state);
  return {.send = std::move(ours), .receive = std::move(theirs)};
}

std::optional<TransportKeys> read_response(const StaticKeys& keys, const crypto::PresharedKey& preshared,
                                           const PendingInitiation& pending, const wire::HandshakeResponse& message) {
  auto state = pending.state.clone();
  const crypto::PublicKey remote_ephemeral{message.ephemeral};

  state.mix_chain(message.ephemeral);  // e
  state.mix_hash(message.ephemeral);

  const auto ephemeral_ephemeral = crypto::x25519(pending.ephemeral, remote_ephemeral);
  if (!ephemeral_ephemeral) return std::nullopt;
  const auto static_ephemeral = crypto::x25519(keys.local_private, remote_ephemeral);
  if (!static_ephemeral) return std::nullopt;
  state.mix_chain(ephemeral_ephemeral->bytes());  // ee
  state.mix_chain(static_ephemeral->bytes());     // se

  const auto empty_key = state.mix_preshared(preshared.bytes());       // psk
  if (!state.open(empty_key, message.empty, {})) return std::nullopt;  // {}

  auto [ours, theirs] = split(state);
  return TransportKeys{.send = std::move(ours), .receive = std::move(theirs)};
}

}  // namespace adit::noise
