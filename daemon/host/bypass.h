// SPDX-License-Identifier: MIT
// Whether the traffic that a link leads into its tunnel goes there. Its rules may all be in place and say nothing:
// those of others, further up in the list, have the first word. So the kernel is asked for the outcome, and only if
// that is another one, the list is searched for who makes it so.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "host/policy_routing.h"

namespace adit::host {

struct Bypasses {
  std::vector<std::string> sentences;  ///< one, with the next step, for each way past the tunnel
  /// There are no others. False: some of it is not known, as while one of the link's own rules is missing, or the
  /// kernel gave no answer.
  bool all = true;
};

/// Only where `options` lead or block a whole family, or a part of the Internet as large as no network is; and what a
/// more precise route of others takes is no way past it. `numbers`: where claim_link_number writes.
Bypasses find_bypasses(net::Netlink& netlink, const PolicyRoutingOptions& options,
                       const std::filesystem::path& numbers);

}  // namespace adit::host
