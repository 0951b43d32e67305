// SPDX-License-Identifier: MIT
// The interface of local.device under the UDP sockets: it may not be there yet, go, and come back as another of the
// same name. Until it is there nothing is sent, as nothing may take another way. Likewise an address in local.listen,
// which DHCP may bring later. Where local.device lists several, the
// sockets are bound to none: each datagram names the one it is to leave by, as its endpoint's scope (Caller).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "config/config.h"
#include "path/pump.h"

namespace adit::link {

class Uplink {
 public:
  Uplink(path::Doors& doors, Log& log) : doors_(doors), log_(log) {}

  /// In place of the sockets there are, which are closed first: the new ones may want the same port. None, and no
  /// error, while there is no such interface or address.
  Result<> open(const net::ListenOptions& options, const config::Local& local);

  /// Something may have changed. True: the sockets are to be opened anew.
  bool look(const config::Local& local);
  /// The numbers of those listed, in the same order, 0 for one that is missing, down or without a carrier.
  static std::vector<std::uint32_t> usable(const std::vector<std::string>& uplinks);
  /// Of the interface that datagrams to `remote` leave by; empty: whichever the routes say.
  static std::string name_of(const config::Local& local, const Endpoint& remote);
  /// What `look` asked for did not work.
  void failed(const Error& error);

  /// Why nothing can be sent; empty: that is not for want of the interface or address. The state's reason, and so in
  /// the log.
  const std::string& problem() const { return problem_; }
  /// The port to call from next where nobody answers to the one in use; 0: any. By turns any other and the first.
  std::uint16_t next_port();
  /// There are no sockets.
  bool waits() const { return !doors_.sockets.v4 && !doors_.sockets.v6; }

 private:
  path::Doors& doors_;
  Log& log_;
  bool look_at_list(const std::vector<std::string>& uplinks);

  std::string problem_;
  std::uint16_t first_port_ = 0;  ///< before there was another; 0: there was none
};

}  // namespace adit::link
