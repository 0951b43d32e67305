// SPDX-License-Identifier: MIT
// The MACs at the end of handshake messages and the cookie replies behind the second one (paper §5.3, §5.4.4, §5.4.7):
// mac1 proves that the sender knows whom it calls, mac2 that it receives at the address it claims. Neither file of
// noise/ decides when we are "under load".
#pragma once

#include <optional>

#include "base/ip.h"
#include "base/random.h"
#include "base/time.h"
#include "crypto/blake2s.h"
#include "crypto/keys.h"
#include "wire/messages.h"

namespace adit::noise {

/// How long a cookie, and the secret it is made from, may be used.
inline constexpr Duration COOKIE_LIFETIME = std::chrono::seconds(120);

using LabelKey = crypto::Hash;

/// The sending side: puts both MACs on our handshake messages, and takes the cookies we are given.
class MacWriter {
 public:
  explicit MacWriter(const crypto::PublicKey& remote);

  /// `message` ends with the 32 bytes of Macs, which this fills; mac2 stays zero without a fresh cookie.
  void write(MutableBytes message, Instant now);
  /// False when it is not an answer to the last message written: forged, repeated, or made for another.
  [[nodiscard]] bool take_cookie(const wire::CookieReply& reply, Instant now);
  /// Since when we had the cookie that the last message written bears; none: it bears none.
  std::optional<Instant> cookie_since() const { return cookie_since_; }

 private:
  struct Cookie {
    crypto::Mac value;
    Instant received;
  };
  LabelKey mac1_key_;
  LabelKey cookie_key_;
  std::optional<crypto::Mac> last_mac1_;
  std::optional<Cookie> cookie_;
  std::optional<Instant> cookie_since_;
};

/// The receiving side: checks both MACs, and makes cookie replies without keeping anything for who asked.
class MacReader {
 public:
  MacReader(const crypto::PublicKey& local, RandomSource& random);

  [[nodiscard]] bool mac1_is_valid(Bytes message) const;
  /// Only ever true for a sender that got our cookie at exactly this address and port within COOKIE_LIFETIME.
  [[nodiscard]] bool mac2_is_valid(Bytes message, const Endpoint& source, Instant now);
  /// The reply to a handshake message that passed mac1. 64 bytes: less than any message that asks for it.
  wire::CookieReply reply_to(Bytes message, const Endpoint& source, Instant now);
  /// No cookie made so far is good any more.
  void forget_secret() { secret_.reset(); }

 private:
  crypto::Mac cookie_for(const Endpoint& source, Instant now);

  struct CookieSecret {
    Secret<32, struct CookieSecretTag> value;
    Instant made;
  };
  LabelKey mac1_key_;
  LabelKey cookie_key_;
  RandomSource& random_;
  std::optional<CookieSecret> secret_;
};

}  // namespace adit::noise
