// SPDX-License-Identifier: MIT
// What both programs do first: keys must not end up in a core file, nor be read by another process of the same user.
#pragma once

namespace adit {

/// For this process, and as to core files for all it starts.
void guard_memory();

}  // namespace adit
