// SPDX-License-Identifier: MIT
// Start-up fails by exception, whose sentence main prints; everywhere else a Result is looked at.
#pragma once

#include <stdexcept>
#include <utility>

#include "base/result.h"

namespace adit {

template <class T>
T or_throw(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

}  // namespace adit
