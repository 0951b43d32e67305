// SPDX-License-Identifier: MIT
// One match of an nftables rule against an imagined datagram. For firewall.cpp.
#pragma once

#include <nlohmann/json.hpp>

#include "doctor/firewall.h"

namespace adit::doctor {

enum class Tri : std::uint8_t { no, yes, unknown };

/// Looks a named set up: its elements, or null.
class NamedSets {
 public:
  explicit NamedSets(const nlohmann::json& objects) : objects_(objects) {}
  const nlohmann::json* find(const std::string& family, const std::string& table, const std::string& name) const;

 private:
  const nlohmann::json& objects_;
};

struct MatchScope {
  const Imagined& datagram;
  const NamedSets& sets;
  std::string family;  ///< of the rule's table
  std::string table;
  bool may_be_redirected = false;  ///< from another port to this one, by rules of this host
  bool tracked = true;             ///< connection tracking has seen it
};

/// `match`: the object behind "match" in a rule's `expr`.
Tri matches(const nlohmann::json& match, const MatchScope& scope);

}  // namespace adit::doctor
