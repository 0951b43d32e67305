// SPDX-License-Identifier: MIT
#include "noise/cookie.h"

#include <algorithm>

#include "base/assert.h"
#include "crypto/aead.h"

namespace adit::noise {
namespace {

constexpr std::string_view kMac1Label = "mac1----";
constexpr std::string_view kCookieLabel = "cookie--";
constexpr std::size_t kMacSize = crypto::kMacSize;

LabelKey label_key(std::string_view label, const crypto::PublicKey& receiver) {
  return crypto::blake2s({as_bytes(label), receiver.bytes});
}

/// Everything in front of mac1, everything in front of mac2, and the MACs themselves.
Bytes before_mac1(Bytes message) {
  return message.first(message.size() - 2 * kMacSize);
}
Bytes before_mac2(Bytes message) {
  return message.first(message.size() - kMacSize);
}
Bytes mac1_of(Bytes message) {
  return message.last(2 * kMacSize).first(kMacSize);
}
Bytes mac2_of(Bytes message) {
  return message.last(kMacSize);
}

/// Handshake messages have their index of the sender right after the prefix.
std::uint32_t sender_index(Bytes message) {
  return load_le32(message.data() + sizeof(wire::Prefix));
}

}  // namespace

MacWriter::MacWriter(const crypto::PublicKey& remote)
    : mac1_key_(label_key(kMac1Label, remote)), cookie_key_(label_key(kCookieLabel, remote)) {}

void MacWriter::write(MutableBytes message, Instant now) {
  ADIT_ASSERT(message.size() > sizeof(wire::Macs));
  last_mac1_ = crypto::blake2s_mac(mac1_key_, before_mac1(message));
  std::ranges::copy(*last_mac1_, message.last(2 * kMacSize).begin());

  if (cookie_ && now - cookie_->received >= COOKIE_LIFETIME) cookie_.reset();
  cookie_since_ = cookie_ ? std::optional(cookie_->received) : std::nullopt;
  const auto mac2 = cookie_ ? crypto::blake2s_mac(cookie_->value, before_mac2(message)) : crypto::Mac{};
  std::ranges::copy(mac2, message.last(kMacSize).begin());
}

bool MacWriter::take_cookie(const wire::CookieReply& reply, Instant now) {
  if (!last_mac1_) return false;
  crypto::Mac cookie;
  if (!crypto::xaead_open(cookie_key_, reply.nonce, *last_mac1_, reply.cookie, cookie)) return false;
  last_mac1_.reset();  // one cookie a message: a repeated reply says nothing new
  cookie_ = Cookie{cookie, now};
  return true;
}

MacReader::MacReader(const crypto::PublicKey& local, RandomSource& random)
    : mac1_key_(label_key(kMac1Label, local)), cookie_key_(label_key(kCookieLabel, local)), random_(random) {}

bool MacReader::mac1_is_valid(Bytes message) const {
  return crypto::equal_in_constant_time(crypto::blake2s_mac(mac1_key_, before_mac1(message)), mac1_of(message));
}

bool MacReader::mac2_is_valid(Bytes message, const Endpoint& source, Instant now) {
  const auto expected = crypto::blake2s_mac(cookie_for(source, now), before_mac2(message));
  return crypto::equal_in_constant_time(expected, mac2_of(message));
}

wire::CookieReply MacReader::reply_to(Bytes message, const Endpoint& source, Instant now) {
  wire::CookieReply reply;
  reply.receiver.set(sender_index(message));
  random_.fill(reply.nonce);
  crypto::xaead_seal(cookie_key_, reply.nonce, mac1_of(message), cookie_for(source, now), reply.cookie);
  return reply;
}

crypto::Mac MacReader::cookie_for(const Endpoint& source, Instant now) {
  if (!secret_ || now - secret_->made >= COOKIE_LIFETIME) {
    secret_.emplace(CookieSecret{{}, now});
    random_.fill(secret_->value.writable());
  }
  // The port belongs to the source: behind one NAT address live many who must not use each other's cookies.
  std::array<std::uint8_t, 16 + 2> place{};
  std::ranges::copy(source.address.bytes(), place.begin());
  store_be16(place.data() + 16, source.port);
  return crypto::blake2s_mac(secret_->value.bytes(), place);
}

}  // namespace adit::noise
