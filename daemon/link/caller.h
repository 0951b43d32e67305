// SPDX-License-Identifier: MIT
// Finds out where to call the peer and says so: keeps asking for the names in peer.endpoint until they have addresses,
// for ever, and lets Endpoints decide among them. Never waits for anything.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/log.h"
#include "config/config.h"
#include "link/endpoints.h"
#include "net/retrying_resolver.h"
#include "tunnel/event.h"

namespace adit::link {

struct CallerOptions {
  std::vector<config::EndpointName> names;
  std::optional<Endpoint> remembered;
  net::ResolverOptions resolver;
  bool has_v4 = true;  ///< there is a socket for it
  bool has_v6 = true;
  /// Why an address that a name server gave can be no peer; empty: it can. What is written as an address is taken.
  std::function<std::string(const IpAddress&)> why_not = {};
};

class Caller {
 public:
  /// How long a remembered or less preferred endpoint is held back for a name that is being resolved.
  static constexpr Duration kHeadStart = std::chrono::seconds(2);

  /// `line` tells how the call stands, `call` makes a new one; both are called from the loop, or from within start and
  /// event.
  Caller(net::EventLoop& loop, RandomSource& random, Log& log, CallerOptions options,
         std::function<Endpoints::Line()> line, std::function<void(const Endpoint&)> call);
  Caller(const Caller&) = delete;
  Caller& operator=(const Caller&) = delete;

  void start();
  void event(const tunnel::Event& event, Instant now);
  /// Interfaces came or went: an address that is meant on one of them, and could not be had, is looked for again.
  void links_changed();

  /// HOST:PORT of the first name without an address; empty when there is none.
  std::string unresolved() const;
  /// Why it has none; empty while nothing went wrong.
  std::string error() const;

 private:
  struct Name {
    config::EndpointName name;
    std::unique_ptr<net::RetryingResolver> resolver;
    bool resolved = false;
    std::string error;
  };

  void resolve_all();
  void resolve(std::size_t index);
  void found(std::size_t index, const net::Resolved& resolved);
  void failed(std::size_t index, const std::string& error);
  bool can_call(const Endpoint& endpoint) const;
  std::string why_not(const config::EndpointName& name, const Endpoint& endpoint) const;
  void call_if(const std::optional<Endpoint>& endpoint);
  const Name* first_unresolved() const;

  net::EventLoop& loop_;
  Log& log_;
  CallerOptions options_;
  std::function<Endpoints::Line()> line_;
  std::function<void(const Endpoint&)> call_;
  Endpoints endpoints_;
  std::vector<Name> names_;
  net::Timer head_start_;
};

}  // namespace adit::link
