// SPDX-License-Identifier: MIT
// Would this host's nftables rules drop the link's datagrams? The rules are walked as the kernel does it, for one
// imagined datagram at a time. What a rule asks that cannot be known beforehand leaves both answers open, so that
// `drops` is said only when no reading of the rules lets the datagram through.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "base/ip.h"

namespace adit::doctor {

enum class Hook : std::uint8_t { input, output };

/// A UDP datagram that might come or go. What is not known is none, empty or 0.
struct Imagined {
  Hook hook = Hook::input;
  bool established = false;  ///< an answer to what went out before, as connection tracking sees it
  Endpoint remote;
  std::uint16_t local_port = 0;
  std::string interface;  ///< that the route to `remote` leads by

  std::uint16_t source_port() const { return hook == Hook::input ? remote.port : local_port; }
  std::uint16_t destination_port() const { return hook == Hook::input ? local_port : remote.port; }
};

enum class Fate : std::uint8_t { passes, unclear, drops };

struct Ruling {
  Fate fate = Fate::passes;
  std::string where;  ///< what drops it, or may
  /// The one command that lets in what is dropped on its way to `local_port`, by the tool whose rules these are; empty
  /// where the port is not known, or the rule in `where` comes before all that such a command would add.
  std::string opened_by;
};

/// `ruleset`: what `nft --json list ruleset` prints, perhaps with iptables' extensions spelled out. Throws
/// nlohmann::json::exception when it is nothing like that.
Ruling judge_datagram(const nlohmann::json& ruleset, const Imagined& datagram);

/// Whether a running full tunnel's own table is among them (host/shield.h), which marks what comes in. Throws likewise.
bool has_shield(const nlohmann::json& ruleset);

struct FirewallFacts {
  std::string why_not;  ///< not empty: the rules could not be read
  /// The rules of the old iptables cannot be seen by nft.
  bool has_legacy_rules = false;
  bool lacks_shield = false;  ///< the rules were read, and has_shield is false
  Ruling called;              ///< the peer calls us
  Ruling answered;            ///< the peer answers us
  Ruling calling;             ///< we call or answer the peer
};

}  // namespace adit::doctor
