// SPDX-License-Identifier: MIT
#include "tunnel/saved.h"

#include <algorithm>

#include "tunnel/tunnel.h"

namespace adit::tunnel {
namespace {

SavedSession save(const noise::Keypair& keypair) {
  SavedSession saved{.present = true,
                     .local_index = keypair.local_index,
                     .remote_index = keypair.remote_index,
                     .role = keypair.role,
                     .created = keypair.created,
                     .next_counter = keypair.counters.next(),
                     .received = keypair.received};
  std::ranges::copy(keypair.keys.send.bytes(), saved.send_key.begin());
  std::ranges::copy(keypair.keys.receive.bytes(), saved.receive_key.begin());
  return saved;
}

std::shared_ptr<noise::Keypair> restore(const SavedSession& saved) {
  if (!saved.present) return nullptr;
  return std::make_shared<noise::Keypair>(
      noise::Keypair{.keys = {crypto::DerivedKey(saved.send_key), crypto::DerivedKey(saved.receive_key)},
                     .local_index = saved.local_index,
                     .remote_index = saved.remote_index,
                     .role = saved.role,
                     .created = saved.created,
                     .counters = noise::CounterSource(saved.next_counter),
                     .received = saved.received});
}

}  // namespace

void Tunnel::hand_over(SavedTunnel& out) {
  out.our_key = handshaker_.our_key();
  out.peer_key = handshaker_.peer_key();
  const auto sessions = sessions_.take_all();
  for (std::size_t i = 0; i < sessions.size(); ++i) {
    if (sessions[i]) out.sessions[i] = save(*sessions[i]);
  }
  out.newest_initiation = handshaker_.newest_initiation();
  out.path = path_;
  out.keepalive = keepalive_;
  out.timers = timers_;
  // What waits does not go along, and the successor's status has to say so.
  count_drop(DropReason::no_session_timeout, staging_.clear());
  if (manner_.ethernet) manner_.ethernet->expire(Instant::max(), status_.drops);
  out.status = status_;
  timers_ = {};
}

bool Tunnel::take_over(const SavedTunnel& saved, Instant now) {
  if (saved.our_key != handshaker_.our_key() || saved.peer_key != handshaker_.peer_key()) return false;
  std::array<std::shared_ptr<noise::Keypair>, 3> sessions;
  std::ranges::transform(saved.sessions, sessions.begin(), restore);
  sessions_.put_all(std::move(sessions));
  handshaker_.set_newest_initiation(std::max(saved.newest_initiation, handshaker_.newest_initiation()));
  path_ = saved.path;
  timers_ = saved.timers;
  status_ = saved.status;
  cadence_.session_jitter = jitter();
  if (keepalive_ != saved.keepalive) {
    timers_.cancel(Timer::persistent);
    timers_.cancel(Timer::prove);
    if (keepalive_) {
      timers_.set(Timer::persistent, now);
      expect_proof(now);
    }
  }
  return true;
}

}  // namespace adit::tunnel
