// SPDX-License-Identifier: MIT
// What a batch of steady I/O came to: a count and an error code, never an exception and never a sentence. EAGAIN on
// reading is no error but an empty batch; `describe` turns the other codes into words when somebody wants to know.
#pragma once

#include <cstddef>
#include <string>

namespace adit::net {

struct IoResult {
  std::size_t count = 0;  ///< packets read or written
  int error = 0;          ///< errno of the last refusal; 0: none
};

/// "No buffer space available (ENOBUFS)".
std::string describe(int error);

}  // namespace adit::net
