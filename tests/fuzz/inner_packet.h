// SPDX-License-Identifier: MIT
// IP packets out of choices: any bytes, or one of few flows with sound headers and checksums, now and then with a byte
// that is not, so that much of it is worth merging.
#pragma once

#include <vector>

#include "fuzz.h"

namespace adit::fuzz {

std::vector<std::uint8_t> inner_packet(Input& input);

}  // namespace adit::fuzz
