// SPDX-License-Identifier: MIT
// Error numbers in words.
#pragma once

#include <string>
#include <system_error>

namespace adit::rights {

inline std::string describe(int error) {
  return std::generic_category().message(error);
}

}  // namespace adit::rights
