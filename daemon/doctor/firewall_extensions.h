// SPDX-License-Identifier: MIT
// What iptables-nft, and so ufw, leaves in the kernel is partly iptables' own extensions: `nft --json` only names them
// ("conntrack"), while the listing in plain text has them in nftables' words (`ct state related,established`). What is
// understood there is put into the rules in JSON; all else stays a name.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string_view>

namespace adit::doctor {

/// `ruleset`: what `nft --json list ruleset` prints. Both throw nlohmann::json::exception when it is nothing like that.
bool has_extensions(const nlohmann::json& ruleset);
/// `listing`: what `nft --handle list ruleset` prints of the same rules.
void spell_out_extensions(nlohmann::json& ruleset, std::string_view listing);

}  // namespace adit::doctor
