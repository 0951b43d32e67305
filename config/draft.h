// SPDX-License-Identifier: MIT
// A configuration on its way from text to Config: values with their places, some missing because they were wrong.
// sections.h fills it, validate.h checks its values against each other and turns it into a Config.
#pragma once

#include <optional>
#include <vector>

#include "config/config.h"
#include "config/cursor.h"

namespace adit::config {

struct DraftRoute {
  std::optional<IpNetwork> to;  ///< none: `default`
  std::optional<At<std::uint32_t>> metric;
  std::optional<std::uint32_t> table;
  std::optional<At<IpAddress>> source;
};

/// A list of which some elements may have been wrong: what rests on its being complete is then not checked.
template <class T>
struct DraftList {
  std::vector<At<T>> items;
  bool complete = true;
};

struct Draft {
  std::optional<At<std::string>> name;  ///< the interface's
  std::optional<Place> unnamed;         ///< the section, if it gives no name
  DraftList<IpNetwork> addresses{{}, false};
  DraftList<IpAddress> peer_addresses;
  std::optional<At<std::uint32_t>> mtu;
  std::optional<At<std::string>> netns;
  std::optional<At<std::string>> bridge;
  std::optional<At<IpNetwork>> tunnel_address;
  std::optional<At<IpAddress>> tunnel_peer;

  std::optional<At<crypto::PrivateKey>> private_key;
  std::optional<At<Listen>> listen;

  std::optional<At<crypto::PublicKey>> public_key;
  DraftList<EndpointName> endpoints;
  std::optional<Place> keepalive;  ///< where it is, if it is anywhere
  std::optional<DraftList<IpNetwork>> allowed_ips;

  DraftList<DraftRoute> routes;
  std::vector<Place> dns_places;  ///< of `config.dns.servers`, one each

  /// What no other value has a say in: put here as it is read.
  Config config;
};

}  // namespace adit::config
