// SPDX-License-Identifier: MIT
// The handshake Noise_IKpsk2 (paper §5.4.2, §5.4.3): four functions, one for each side of each message. They compute
// and verify; who may call them when, and what becomes of the keys, is the tunnel's business, as are the MACs at a
// message's end (cookie.h). Nothing here keeps state between calls but what it returns.
#pragma once

#include <expected>
#include <optional>

#include "base/result.h"
#include "crypto/aead.h"
#include "crypto/keys.h"
#include "crypto/x25519.h"
#include "noise/tai64n.h"
#include "wire/messages.h"

namespace adit::noise {

/// The long-lived keys of this link and the one product of theirs each handshake needs.
struct StaticKeys {
  crypto::PrivateKey local_private;
  crypto::PublicKey local_public;
  crypto::PublicKey remote_public;
  crypto::SharedSecret static_static;

  /// Fails for a remote key of low order, with which no handshake can be secret.
  static Result<StaticKeys> make(crypto::PrivateKey local, const crypto::PublicKey& remote);
};

/// What is mixed from token to token: the chaining key and the handshake hash.
class SymmetricState {
 public:
  /// Both sides start from the construction, the identifier and the responder's static key.
  explicit SymmetricState(const crypto::PublicKey& responder);
  SymmetricState clone() const;

  void mix_hash(Bytes data);
  void mix_chain(Bytes input);                    ///< Kdf1
  crypto::DerivedKey mix_key(Bytes input);        ///< Kdf2: the second output encrypts
  crypto::DerivedKey mix_preshared(Bytes input);  ///< Kdf3: also hashes the middle output
  /// Sizes as in aead.h; the hash is the additional data and then absorbs the ciphertext.
  void seal(const crypto::DerivedKey& key, Bytes plaintext, MutableBytes out);
  [[nodiscard]] bool open(const crypto::DerivedKey& key, Bytes sealed, MutableBytes out);
  const crypto::DerivedKey& chaining_key() const { return chaining_key_; }

 private:
  SymmetricState() = default;
  crypto::DerivedKey chaining_key_;
  crypto::Hash hash_{};
};

struct TransportKeys {
  crypto::DerivedKey send;
  crypto::DerivedKey receive;
};

/// An initiation of ours whose response is awaited.
struct PendingInitiation {
  SymmetricState state;
  crypto::PrivateKey ephemeral;
  std::uint32_t local_index;
};

/// An initiation of the peer's, verified and not yet answered. Whether its timestamp is news is for the caller.
struct AcceptedInitiation {
  SymmetricState state;
  crypto::PublicKey remote_ephemeral;
  Tai64n timestamp;
  std::uint32_t remote_index;
};

struct RefusedInitiation {
  /// Set when the message is sound in itself but comes from another key than the peer's. It is proven that the
  /// sender has that key; it is not proven that the message is new.
  std::optional<crypto::PublicKey> stranger;
};

/// → e, es, s, ss, {timestamp}. Fills all of `out` but the MACs.
PendingInitiation write_initiation(const StaticKeys& keys, crypto::PrivateKey ephemeral, const Tai64n& timestamp,
                                   std::uint32_t local_index, wire::HandshakeInitiation& out);

std::expected<AcceptedInitiation, RefusedInitiation> read_initiation(const StaticKeys& keys,
                                                                     const wire::HandshakeInitiation& message);

/// ← e, ee, se, psk, {}. Fills all of `out` but the MACs.
TransportKeys write_response(const StaticKeys& keys, const crypto::PresharedKey& preshared,
                             const AcceptedInitiation& initiation, const crypto::PrivateKey& ephemeral,
                             std::uint32_t local_index, wire::HandshakeResponse& out);

/// Nothing when the response does not verify: a forgery, or another preshared key. `pending` stays good for the true
/// response in either case.
std::optional<TransportKeys> read_response(const StaticKeys& keys, const crypto::PresharedKey& preshared,
                                           const PendingInitiation& pending, const wire::HandshakeResponse& message);

}  // namespace adit::noise
