// SPDX-License-Identifier: MIT
// The packet turn: which of the two doors has something, and in what order it moves (docs/life-of-a-packet.md). Knows
// when the data path is to be called; the data path does not.
#pragma once

#include <functional>
#include <vector>

#include "net/event_loop.h"
#include "path/data_path.h"
#include "path/processors.h"

namespace adit::path {

/// The TUN and the sockets, and the ports through which the data path sees them.
struct Doors {
  Doors(net::TunDevice tun, net::UdpPair pair) : device(std::move(tun)), sockets(std::move(pair)) {}

  net::TunDevice device;
  net::UdpPair sockets;
  TunPort tun_port{device};
  UdpPort udp_port{sockets};
};

/// The sentence for an interface that somebody took away.
Error interface_removed(const std::string& name);

class Pump {
 public:
  /// Watches all of `doors`. The references must outlive it.
  Pump(net::EventLoop& loop, Doors& doors, tunnel::Tunnel& tunnel, DataPath& data_path);
  Pump(const Pump&) = delete;
  Pump& operator=(const Pump&) = delete;

  /// Other sockets are behind the door, or none.
  void watch_sockets();
  void unwatch_sockets();

  /// Threads that move packets, this one among them; returns what there is to be had. Nothing is lost.
  const Workers& set_workers(const Workers& wanted, Instant now);
  const Workers& workers() const { return workers_; }

  /// Moves what is there, a batch each way, and lets the protocol's timers act. The error is a sentence: nothing can
  /// move any more.
  Result<> move(Instant now);
  /// While something else holds the loop up: waits for packets, so long at most, calls `first`, moves those that are
  /// there, and lets the protocol's timers act. What is wrong shows in the next turn.
  void move_meanwhile(std::chrono::milliseconds patience, const std::function<void()>& first);
  /// At the end of a turn: what it wakes up for next.
  void plan();

 private:
  net::Watch watch(std::optional<net::UdpSocket>& socket);
  Result<> receive(Instant now);
  Result<> send(Instant now);

  net::EventLoop& loop_;
  Doors& doors_;
  tunnel::Tunnel& tunnel_;
  DataPath& data_path_;
  net::Timer tick_;
  std::vector<net::Watch> tun_watches_;  ///< one a queue
  net::Watch v4_watch_;
  net::Watch v6_watch_;
  Workers workers_;
  net::Watch bell_watch_;  ///< other workers have done something
  bool packets_wait_ = false;
  bool datagrams_wait_ = false;
  bool room_to_send_ = false;
};

}  // namespace adit::path
