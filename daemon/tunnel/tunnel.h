// SPDX-License-Identifier: MIT
// The protocol machine of one link (paper §5, §6): packets, datagrams and the time go in; packets, datagrams, the next
// deadline and events come out. It makes no system call, reads no clock and takes no lock; one thread calls it.
//
// A turn of the shell's loop:
//   TUN readable   admit(packets)        → transmit the outbox
//   UDP readable   classify(datagrams)   → open(batch) → accept(batch) → deliver, transmit the outbox
//   deadline       tick()                → transmit the outbox
// and after each, wait until deadline().
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "base/random.h"
#include "base/time.h"
#include "offload/mss.h"
#include "tunnel/allowance.h"
#include "tunnel/allowed_ips.h"
#include "tunnel/batch.h"
#include "tunnel/elsewhere.h"
#include "tunnel/ethernet.h"
#include "tunnel/handshaker.h"
#include "tunnel/prober.h"
#include "tunnel/saved.h"
#include "tunnel/sessions.h"
#include "tunnel/staging.h"
#include "tunnel/status.h"
#include "tunnel/timers.h"

namespace adit::tunnel {

struct Settings {
  crypto::PrivateKey private_key;
  crypto::PublicKey peer_key;
  crypto::PresharedKey preshared_key;  ///< all zero: none
  std::optional<Duration> keepalive;   ///< persistent keepalive; none: off
  std::vector<IpNetwork> allowed_ips;
  std::uint32_t mtu = 1420;           ///< of the interface: padding never goes past it
  noise::Tai64n last_timestamp{};     ///< the last one sent by an earlier run
  noise::Tai64n newest_initiation{};  ///< the peer's, that an earlier run took: only later ones are
  bool copy_dscp = false;             ///< of the inner packet onto the outer header; ECN always is
  /// With keepalives off nothing is sent as long as there is nothing to say: how the kernel's WireGuard takes what `wg`
  /// tells it. An initiation that comes too early for the peer would stand in the way of the next.
  bool only_when_needed = false;
};

class Tunnel {
 public:
  /// Fails for a peer key no handshake can be had with. `random` and `wall_clock` must outlive the tunnel.
  static Result<std::unique_ptr<Tunnel>> make(Settings settings, RandomSource& random, WallClock& wall_clock);

  /// Packets read from the TUN. Allowed ones get their counters and are in `out.packets`, pointing where `packets`
  /// point; those that must wait for a session are cut and copied; the rest is counted as dropped.
  void admit(std::span<const PlainPacket> packets, Instant now, Outbox& out);

  /// The link carries Ethernet frames, in GRE packets between these ends; none: IP packets. What is admitted are those
  /// packets, as `wrap` makes them; what is accepted are frames. `storm_limit`: as Ethernet's.
  void set_ethernet(const std::optional<wire::GreEnds>& ends, std::uint32_t storm_limit = 0);
  bool carries_frames() const { return manner_.ethernet.has_value(); }
  /// `frame` has Ethernet::kHeadroom writable bytes in front of it. None: it was counted as dropped.
  std::optional<WrappedFrame> wrap(MutableBytes frame);
  /// Why `packet`, made of `frame`, may not be admitted: it was counted as dropped. None: it may.
  std::optional<DropReason> refuse_wrapped(const PlainPacket& packet, const WrappedFrame& frame, Instant now);
  /// Ethernet::tell_too_large
  std::optional<std::vector<std::uint8_t>> tell_too_large(const WrappedFrame& frame, Instant now) {
    return manner_.ethernet->tell_too_large(frame, mtu_, now);
  }

  /// Datagrams as received. Handshakes are dealt with at once; transport packets with a session of ours are put into
  /// `batch`, pointing into the datagrams.
  void classify(std::span<const Datagram> datagrams, Instant now, InboundBatch& batch, Outbox& out);

  /// The batch after `open`: appends the IP packets to deliver, in order, pointing into the batch.
  void accept(InboundBatch& batch, Instant now, std::vector<MutableBytes>& deliver, Outbox& out);

  /// When `tick` wants to be called next; the far future when nothing is pending. May lie in the past.
  Instant deadline() const;
  void tick(Instant now, Outbox& out);

  /// Where to call the peer: from the configuration, by the resolver. Starts a handshake if there is no session;
  /// the first call counts as the start of the link. An endpoint learned from authentic packets is replaced.
  void set_endpoint(const Endpoint& endpoint, Instant now, Outbox& out);
  /// Calls `endpoint` too, with the next tick, which is due then; the session and the endpoint at hand stay until it
  /// answers. `rather`: then it is preferred; else to nobody who has answered since.
  void try_also(const Endpoint& endpoint, bool rather);
  /// Try now what would be tried later: the network changed.
  void retry_now(Instant now, Outbox& out);
  /// Somebody else may have all that this process knows: the machine was copied, or came back from a disk. No session,
  /// no initiation under way and no secret behind cookies outlives that, and a new handshake begins.
  void forget_sessions(Instant now, Outbox& out);
  /// The source address stuck to so far is gone: let the kernel choose again.
  void forget_source() { path_ = Path{.remote = path_.remote}; }

  /// Whom `probe` asks; none: nobody.
  void set_probe_ends(const std::optional<ProbeEnds>& ends) { prober_.set_ends(ends); }
  const std::optional<ProbeEnds>& probe_ends() const { return prober_.ends(); }
  /// Asks the peer for a sign of life with a packet that is `size` bytes large inside (as the MTU counts), or as small
  /// as can be. It moves no timer: one too large for the path must not make the link look dead. False: nobody can be
  /// asked now, for want of ends that allowed_ips has, or of a session.
  bool probe(std::size_t size, Instant now, Outbox& out);
  /// The kernel would not send that one: it is larger than what the way out carries.
  void probe_refused(std::uint32_t size, Outbox& out);

  /// Used from the next handshake on.
  void set_preshared_key(crypto::PresharedKey key) { handshaker_.set_preshared_key(std::move(key)); }
  bool has_preshared_key(const crypto::PresharedKey& key) const { return handshaker_.has_preshared_key(key); }
  /// For `wg showconf`, and for a tunnel that takes this one's place.
  const crypto::PrivateKey& private_key() const { return handshaker_.private_key(); }
  const crypto::PresharedKey& preshared_key() const { return handshaker_.preshared_key(); }
  /// Of those that were taken; all zero: none was.
  noise::Tai64n newest_initiation() const { return handshaker_.newest_initiation(); }
  const crypto::PublicKey& peer_key() const { return handshaker_.peer_key(); }
  /// For diagnosis: whoever sees the keys of handshakes from now on. Outlives the tunnel.
  void set_key_observer(KeyObserver* observer) { handshaker_.set_key_observer(observer); }
  void set_keepalive(std::optional<Duration> interval, Instant now, Outbox& out);
  void set_allowed_ips(std::span<const IpNetwork> networks) { allowed_ips_ = AllowedIps(networks); }
  /// The addresses of the interface with their networks: the peer's datagrams may come from there, but it is never
  /// answered there; and none of its packets is from one of the addresses themselves.
  void set_inner(std::span<const IpNetwork> networks);
  void set_mtu(std::uint32_t mtu) { mtu_ = mtu; }
  std::uint32_t mtu() const { return mtu_; }
  /// What passes the way in one piece, where that is less than the interface may be told; 0: all does. Padding goes no
  /// further, and larger IPv4 packets that may not be cut are refused as by a router (`Outbox::answers`). Packets with
  /// frames in them are cut into fragments, whatever they say.
  void set_way_size(std::uint32_t size) { manner_.way_size = size; }
  std::uint32_t way_size() const { return manner_.way_size; }
  /// TCP connections that begin from now on, in either direction, use no larger segments.
  void set_mss_limits(const offload::MssLimits& limits) { manner_.mss = limits; }
  void set_copy_dscp(bool copy) { manner_.copy_dscp = copy; }
  /// Where our datagrams come from, so that those that come out of the tunnel again are known; 0: not known.
  void set_own_port(std::uint16_t port) { own_port_ = port; }
  std::uint16_t own_port() const { return own_port_; }

  /// Everything a successor needs. This one has no session afterwards, so no counter is used by both; what waits for a
  /// session, or for the rest of its fragments, is dropped and counted.
  void hand_over(SavedTunnel& out);
  /// To be called before anything else. False: made for other keys, and nothing was taken. A keepalive that is another
  /// one here than there takes effect as by set_keepalive, with the next tick.
  bool take_over(const SavedTunnel& saved, Instant now);

  /// For what the shell itself has to drop.
  void count_drop(DropReason reason, std::uint64_t count = 1) { status_.drops.add(reason, count); }
  const Status& status() const { return status_; }
  const Path& path() const { return path_; }
  std::optional<Duration> keepalive() const { return keepalive_; }
  /// True while there is a session to send with.
  bool has_session(Instant now) const { return usable_session(now) != nullptr; }

 private:
  Tunnel(noise::StaticKeys keys, Settings& settings, RandomSource& random, WallClock& wall_clock);

  // Packets (tunnel.cpp, inbound.cpp)
  bool is_own_datagram(const IpAddress& destination, Bytes packet) const;
  bool is_too_large(const PlainPacket& packet) const;
  void refuse_too_large(const PlainPacket& packet, Instant now, Outbox& out);
  bool send(const PlainPacket& packet, std::uint8_t traffic_class, Outbox& out);
  bool send_in_fragments(const PlainPacket& packet, std::uint8_t traffic_class, bool usable, Instant now, Outbox& out);
  void stage(const PlainPacket& packet, Instant now);
  bool send_staged(Instant now, Outbox& out);
  void take_handshake(wire::MessageType type, const Datagram& datagram, Instant now, Outbox& out);
  std::optional<DropReason> take_transport(const Datagram& datagram, Instant now, InboundBatch& batch) const;
  void note_problem(HandshakeProblem problem);
  void begin_session(const noise::Keypair& keypair, Duration round_trip, Instant now, Outbox& out);
  void follow_answer(const Path& path, const Handshaker::Outcome::Answered& answered, Instant now, Outbox& out);
  void roam(const Path& path, Outbox& out);
  void take_data(const InboundPacket& packet, Instant now, Ethernet::Memory& memory, std::vector<MutableBytes>& deliver,
                 Outbox& out);
  bool take_answer(Bytes packet, Instant now, Outbox& out);
  std::optional<UnwrappedFrame> take_frame(MutableBytes packet, Instant now, Ethernet::Memory& memory, Outbox& out);
  void roam_to_caller(Outbox& out);
  void note_load(Instant now, Outbox& out);
  noise::Keypair* usable_session(Instant now) const;

  // Time (timing.cpp)
  void want_session(Instant now, Outbox& out);
  void initiate(Instant now, Outbox& out);
  void call(const Path& path, bool rather, std::uint32_t attempt, Instant now, Outbox& out);
  void try_elsewhere(Instant now, Outbox& out);
  void show_yourself(Instant now, Outbox& out);
  void send_keepalive(Instant now, Outbox& out);
  void after_initiation_sent(Instant now);
  void after_response_sent(Instant now);
  void after_fresh_cookie(Instant now);
  void after_handshake_completed(Instant now);
  void after_session_derived(Instant now);
  void after_data_sent(Instant now);
  void after_data_received(Instant now);
  void after_keepalive_received(Duration waited, Duration silence, Instant now);
  void after_packet_sent(Instant now);
  void after_packet_received(Instant now);
  void after_packet_passed(Instant now);
  void after_heard_by_peer(Instant now);
  void ask_for_proof(Instant now, Outbox& out);
  bool may_ask_inside() const { return prober_.ends() && cadence_.asked_in_vain < kVainQuestions; }
  void expect_proof(Instant since);
  void put_off_proof(Instant now);
  void after_stream_broke(Instant now, Outbox& out);
  void keep_fresh_after_sending(Instant now, Outbox& out);
  void keep_fresh_after_receiving(Instant now, Outbox& out);
  void on_retransmit(Instant now, Outbox& out);
  Duration jitter();

  Sessions sessions_;
  Handshaker handshaker_;
  AllowedIps allowed_ips_;
  std::uint32_t mtu_;
  std::optional<Duration> keepalive_;
  std::uint16_t own_port_ = 0;
  /// Settings::copy_dscp, only_when_needed; set_way_size; set_mss_limits; set_ethernet
  struct Manner {
    bool copy_dscp = false;
    bool only_when_needed = false;
    std::uint32_t way_size = 0;
    std::uint32_t fragmented = 0;  ///< packets, and which number the next one has
    Allowance tellings;
    offload::MssLimits mss;
    std::optional<Ethernet> ethernet;
  } manner_;
  Prober prober_;
  RandomSource& random_;
  WallClock& wall_clock_;

  Path path_;
  Elsewhere elsewhere_;
  Staging staging_;
  Status status_;

  Timers timers_;
  Cadence cadence_;
};

}  // namespace adit::tunnel
