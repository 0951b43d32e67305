// SPDX-License-Identifier: MIT
// A full tunnel against its neighbours, by a table of nftables that is gone with this process, whatever ends it, and
// that no `flush ruleset` of others takes away:
//
// - A host of the local network that sends packets to the tunnel's inner addresses, to learn from the answers what goes
//   on inside (CVE-2019-14899), gets none: only the tunnel itself may bring them in.
// - What comes in for our sockets bears our mark while the reverse path is looked for, so that firewalld's IPv6 filter,
//   and IPv4's strict one with src_valid_mark, see the way that answers take, not the one into the tunnel.
// - Connections that come to this host from outside are answered the way they came, not into the tunnel: they bear our
//   mark, too (`ct mark`, unless somebody else has marked them), where that leads back to the interface they came by:
//   what came out of another tunnel is answered into that, not in clear.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/ip.h"
#include "base/result.h"

struct nft_ctx;

namespace adit::host {

struct ShieldOptions {
  std::string link;                  ///< its name, for the table's
  std::uint32_t number = 0;          ///< the link's, likewise
  std::uint32_t interface = 0;       ///< the tunnel's
  std::vector<IpAddress> addresses;  ///< inside the tunnel
  std::uint16_t port = 0;            ///< of our sockets
  std::uint32_t mark = 0;            ///< likewise; 0: they have none, so the first of these is all there is
};

class Shield {
 public:
  Shield() noexcept;
  ~Shield();
  Shield(const Shield&) = delete;
  Shield& operator=(const Shield&) = delete;

  /// In place of what it held up before, in one step: there is no moment without. The error is a sentence: the kernel
  /// has no nftables, or none that belong to a process (Linux 5.12), or it may not; what it held up before stays up
  /// then.
  Result<> raise(const ShieldOptions& options);
  void lower();
  bool is_up() const { return !table_.empty(); }
  /// It is raised, and what it was last to be raised for is another port or mark.
  bool is_for_another(std::uint16_t port, std::uint32_t mark) const {
    return !table_.empty() && (port != port_ || mark != mark_);
  }

 private:
  struct Deleter {
    void operator()(nft_ctx* context) const;
  };
  /// The error is what nftables says.
  Result<> put_up(const std::string& rules);

  std::uint16_t port_ = 0;
  std::uint32_t mark_ = 0;
  std::string table_;                          ///< empty: none is up
  std::unique_ptr<nft_ctx, Deleter> context_;  ///< the table is there as long as its netlink socket
};

}  // namespace adit::host
