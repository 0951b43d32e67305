// SPDX-License-Identifier: MIT
// What must hold of merging, whatever the packets are: cut again, what was merged is what was there before, packets of
// a flow come in their order, and all checksums that were right are right.
#pragma once

#include <vector>

#include "offload/merge.h"

namespace adit::fuzz {

void check_merge(const std::vector<std::vector<std::uint8_t>>& packets, offload::MergeOptions options = {});
/// All of its segments, as the plan makes them. Requires that their sizes are as promised.
std::vector<std::vector<std::uint8_t>> segments_of(const offload::VirtioHeader& virtio, Bytes packet);

}  // namespace adit::fuzz
