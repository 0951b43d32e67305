// SPDX-License-Identifier: MIT
#include "tunnel/handshaker.h"

#include <algorithm>

#include "crypto/wipe_stack.h"

namespace adit::tunnel {
namespace {

/// Initiations of the peer's are taken no faster than this, sound or not new: each costs us four curve operations.
constexpr Duration kMinInitiationGap = std::chrono::milliseconds(20);

/// Of one that the peer no longer took we may have moved since, or its secret has. Who forges cookies gets no more of
/// our initiations than the timers would send.
constexpr Duration kCookieIsOld = std::chrono::seconds(5);

/// Sent more than a second after the other, whenever they come in. After a suspend all come at once that the peer sent
/// meanwhile, and only to the last of them does it wait for an answer.
bool is_much_newer(const noise::Tai64n& newer, const noise::Tai64n& older) {
  return load_be64(newer.bytes.data()) > load_be64(older.bytes.data()) + 1;
}

Handshaker::Outcome drop(DropReason reason) {
  return {.dropped = reason};
}

template <class Message>
HandshakeDatagram datagram_of(const Message& message, const Path& path) {
  HandshakeDatagram datagram{.path = path, .size = sizeof message};
  std::ranges::copy(wire::bytes_of(message), datagram.buffer.begin());
  return datagram;
}

}  // namespace

Handshaker::Handshaker(noise::StaticKeys keys, crypto::PresharedKey preshared, noise::Tai64n last_timestamp,
                       const Sessions& sessions, RandomSource& random, WallClock& wall_clock)
    : keys_(std::move(keys)),
      preshared_(std::move(preshared)),
      timestamps_(last_timestamp),
      sessions_(sessions),
      random_(random),
      wall_clock_(wall_clock),
      mac_writer_(keys_.remote_public),
      mac_reader_(keys_.local_public, random) {}

HandshakeDatagram Handshaker::initiate(const Path& path, bool rather, Instant now) {
  const crypto::WipedStack wiped(crypto::kHandshakeStack);
  wire::HandshakeInitiation message;
  const auto index = free_index();
  auto& place = free_place(path.remote);
  place.emplace(Pending{noise::write_initiation(keys_, crypto::generate_private_key(random_),
                                                timestamps_.next(wall_clock_.now()), index, message),
                        path.remote, now, rather});
  show_keys(place->initiation.ephemeral);
  last_sent_index_ = index;
  return finish(message, path, now);
}

/// The peer knows the latest of our initiations alone; so do we, as far as it came by the same way.
std::optional<Handshaker::Pending>& Handshaker::free_place(const Endpoint& to) {
  const auto same = std::ranges::find_if(pending_, [&](const auto& pending) { return pending && pending->to == to; });
  if (same != pending_.end()) return *same;
  return *std::ranges::min_element(pending_, {},
                                   [](const auto& pending) { return pending ? pending->sent : Instant{}; });
}

void Handshaker::set_preshared_key(crypto::PresharedKey key) {
  preshared_ = std::move(key);
  for (const auto& pending : pending_) {
    if (pending) show_keys(pending->initiation.ephemeral);
  }
}

void Handshaker::show_keys(const crypto::PrivateKey& ephemeral) const {
  if (key_observer_ != nullptr) key_observer_->handshake_keys(ephemeral, preshared_);
}

Handshaker::Outcome Handshaker::take(wire::MessageType type, const Datagram& datagram, const Endpoint& expected,
                                     Instant now) {
  if (type == wire::MessageType::cookie_reply) return take_cookie(datagram, now);
  if (auto refused = refuse_early(datagram, expected, now)) return *std::move(refused);
  const crypto::WipedStack wiped(crypto::kHandshakeStack);
  return type == wire::MessageType::handshake_initiation ? take_initiation(datagram, now)
                                                         : take_response(datagram, now);
}

/// The cheap checks in front of the expensive ones (§5.3).
std::optional<Handshaker::Outcome> Handshaker::refuse_early(const Datagram& datagram, const Endpoint& expected,
                                                            Instant now) {
  if (!mac_reader_.mac1_is_valid(datagram.bytes)) return drop(DropReason::bad_mac1);
  load_.note(now);
  if (!load_.under_load(now)) return std::nullopt;

  const auto& source = datagram.path.remote;
  if (!mac_reader_.mac2_is_valid(datagram.bytes, source, now)) {
    // Most likely the peer. Whoever claims its address uses up the reserve, and then it needs a cookie like anybody.
    if (expected.known() && source.address == expected.address && reserve_.allow(now)) return std::nullopt;
    auto outcome = drop(DropReason::cookie_required);
    outcome.reply = datagram_of(mac_reader_.reply_to(datagram.bytes, source, now), datagram.path);
    return outcome;
  }
  if (!limiter_.allow(source.address, now)) return drop(DropReason::rate_limited);
  return std::nullopt;
}

Handshaker::Outcome Handshaker::take_initiation(const Datagram& datagram, Instant now) {
  const auto message = wire::read_message<wire::HandshakeInitiation>(datagram.bytes);
  auto initiation = noise::read_initiation(keys_, message);
  if (!initiation) {
    if (!initiation.error().stranger) return drop(DropReason::invalid_handshake);
    return {.dropped = DropReason::wrong_key, .stranger = *initiation.error().stranger};
  }
  if (initiation->timestamp <= newest_initiation_) return drop(DropReason::old_timestamp);
  const bool early = initiation_taken_ && now - *initiation_taken_ < kMinInitiationGap;
  if (early && !is_much_newer(initiation->timestamp, newest_initiation_)) return drop(DropReason::rate_limited);
  newest_initiation_ = initiation->timestamp;
  initiation_taken_ = now;

  wire::HandshakeResponse response;
  const auto index = free_index();
  const auto ephemeral = crypto::generate_private_key(random_);
  auto keys = noise::write_response(keys_, preshared_, *initiation, ephemeral, index, response);
  show_keys(ephemeral);
  last_sent_index_ = index;
  return {.reply = finish(response, datagram.path, now),
          .session = std::make_shared<noise::Keypair>(noise::Keypair{.keys = std::move(keys),
                                                                     .local_index = index,
                                                                     .remote_index = initiation->remote_index,
                                                                     .role = noise::Role::responder,
                                                                     .created = now})};
}

Handshaker::Outcome Handshaker::take_response(const Datagram& datagram, Instant now) {
  const auto message = wire::read_message<wire::HandshakeResponse>(datagram.bytes);
  const auto index = message.receiver.get();
  const auto pending =
      std::ranges::find_if(pending_, [&](const auto& each) { return each && each->initiation.local_index == index; });
  if (pending == pending_.end()) return drop(DropReason::unknown_index);
  auto keys = noise::read_response(keys_, preshared_, (*pending)->initiation, message);
  if (!keys) return drop(DropReason::unverified_response);

  const Outcome::Answered answered{(*pending)->to, (*pending)->sent, (*pending)->rather};
  pending->reset();
  return {.session = std::make_shared<noise::Keypair>(noise::Keypair{.keys = std::move(*keys),
                                                                     .local_index = index,
                                                                     .remote_index = message.sender.get(),
                                                                     .role = noise::Role::initiator,
                                                                     .created = now}),
          .answered = answered};
}

Handshaker::Outcome Handshaker::take_cookie(const Datagram& datagram, Instant now) {
  const auto message = wire::read_message<wire::CookieReply>(datagram.bytes);
  const auto had_since = mac_writer_.cookie_since();
  const bool fresh = !had_since || now - *had_since >= kCookieIsOld;
  const bool ours = message.receiver.get() == last_sent_index_ && mac_writer_.take_cookie(message, now);
  if (!ours) return drop(DropReason::bad_cookie);
  // The cookie goes into the next message the timers send.
  return {.fresh_cookie = fresh};
}

/// Random, so that nobody can guess which sessions we have; never 0 and never one that is taken.
std::uint32_t Handshaker::free_index() {
  for (;;) {
    const auto index = random_.u32();
    const bool awaited = std::ranges::any_of(
        pending_, [&](const auto& pending) { return pending && pending->initiation.local_index == index; });
    const bool taken = awaited || sessions_.find(index);
    if (index != 0 && !taken) return index;
  }
}

template <class Message>
HandshakeDatagram Handshaker::finish(Message& message, const Path& path, Instant now) {
  mac_writer_.write({reinterpret_cast<std::uint8_t*>(&message), sizeof message}, now);
  return datagram_of(message, path);
}

}  // namespace adit::tunnel
