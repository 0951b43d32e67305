// SPDX-License-Identifier: MIT
// ADIT_ASSERT is for our own bugs and stays on in release builds: it prints the place and aborts. Never for input:
// what a peer, a user or the kernel sends gets a Result or a DropReason.
#pragma once

namespace adit {
[[noreturn]] void assertion_failed(const char* condition, const char* file, int line) noexcept;
}

#define ADIT_ASSERT(condition) \
  (static_cast<bool>(condition) ? void() : ::adit::assertion_failed(#condition, __FILE__, __LINE__))
