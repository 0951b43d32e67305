// SPDX-License-Identifier: MIT
// Which of a file's peers is meant, and a list of them for whoever has to choose.
#pragma once

#include <cstddef>
#include <optional>

#include "config/wg_quick_file.h"

namespace adit::config {

/// Leaves the lines of [Interface] and of the peer that is meant: number `peer`, from 1, or the only one. False: there
/// is no such peer, or several, which has been reported with what each is.
bool choose_peer(WgQuickLines& file, std::optional<std::size_t> peer, Problems& problems);

}  // namespace adit::config
