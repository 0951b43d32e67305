// SPDX-License-Identifier: MIT
// The command that lets in what a firewall drops, by the tool whose rules these are. For firewall.cpp.
#pragma once

#include <cstdint>
#include <string>

#include "base/ip.h"

namespace adit::doctor {

/// What drops a datagram that comes in.
struct Shut {
  std::string family;  ///< of the base chain, as table, chain and hook are
  std::string table;
  std::string chain;
  std::string hook;
  std::string by;          ///< chain of the rule that drops it; empty: the policy does
  bool is_ufws = false;    ///< ufw has its chains in that table
  std::string zone;        ///< of firewalld's, where it comes in; empty: not known
  IpAddress remote;        ///< none: not known
  std::uint16_t port = 0;  ///< that it comes to
};

/// Empty: what that would add comes behind the rule that drops.
std::string command_that_opens(const Shut& shut);

}  // namespace adit::doctor
