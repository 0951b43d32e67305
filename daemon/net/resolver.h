// SPDX-License-Identifier: MIT
// Names → endpoints without blocking the loop (c-ares). /etc/hosts is honoured, both families are asked, and every
// lookup reads /etc/resolv.conf anew, so that a laptop's new network is seen. Where that leads into the link whose peer
// is asked for, the servers behind it are asked first (uplink_servers.h). One try: RetryingResolver persists. In a
// network with IPv6 alone, IPv4 addresses are led through its NAT64, if it has one (nat64.h).
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/ip.h"
#include "base/result.h"
#include "net/event_loop.h"
#include "net/uplink_servers.h"

namespace adit::net {

struct Resolved {
  std::vector<Endpoint> endpoints;                   ///< at least one, the best first (RFC 6724)
  std::optional<std::chrono::seconds> time_to_live;  ///< none: from /etc/hosts, or a numeric address
};

struct ResolverOptions {
  /// "ADDRESS:PORT,…" instead of those of /etc/resolv.conf; empty: those.
  std::string servers;
  std::chrono::milliseconds timeout{2000};  ///< of a server's first try
  int tries = 3;
  /// Marks the queries' sockets: a link that carries the default route must not ask for its own peer through itself.
  std::optional<std::uint32_t> fwmark;
  /// The link's own name servers: not to be asked as long as there are others, for the same reason.
  std::vector<IpAddress> own_servers = {};
  /// Its list, in place of itself.
  std::string servers_of_resolved = kServersOfResolved;
};

/// A question under way; destroying it cancels the question, also from its own callback.
class Lookup {
 public:
  class Query;
  Lookup() noexcept;
  explicit Lookup(std::unique_ptr<Query> query) noexcept;
  Lookup(Lookup&&) noexcept;
  Lookup& operator=(Lookup&&) noexcept;
  Lookup(const Lookup&) = delete;
  Lookup& operator=(const Lookup&) = delete;
  ~Lookup();
  /// Its callback has not run yet.
  bool pending() const;

 private:
  std::unique_ptr<Query> query_;
};

class Resolver {
 public:
  /// The error is a sentence that names the host.
  using Done = std::function<void(Result<Resolved>)>;

  explicit Resolver(EventLoop& loop, ResolverOptions options = {});

  /// `host` is a name or a numeric address (IPv6 without brackets, "fe80::1%eth0" with its interface). The callback
  /// runs once, in a later turn of the loop: never within this call. The loop outlives the Lookup.
  [[nodiscard]] Lookup resolve(const std::string& host, std::uint16_t port, Done callback);

 private:
  EventLoop& loop_;
  ResolverOptions options_;
};

}  // namespace adit::net
