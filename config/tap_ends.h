// SPDX-License-Identifier: MIT
// The two addresses that an interface for frames is between inside the tunnel, and its MAC: given, or made so that both
// ends come to the same without a word.
#pragma once

#include "config/draft.h"

namespace adit::config {

struct TapEnds {
  IpAddress ours;
  IpAddress peers;
};

/// Where none are given: as the order of the two public keys has it.
TapEnds ends_by_keys(const crypto::PublicKey& ours, const crypto::PublicKey& peers);
/// None: they contradict each other, or one is missing; `check_tap_ends` says so.
std::optional<TapEnds> tap_ends(const Draft& draft);
void check_tap_ends(const Draft& draft, Problems& problems);
/// All of interface.tap, of a draft without problems; its name must be there.
void complete_tap(const Draft& draft, Interface& interface);

}  // namespace adit::config
