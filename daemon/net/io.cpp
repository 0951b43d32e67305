// SPDX-License-Identifier: MIT
#include "net/io.h"

#include <fmt/core.h>

#include <cstring>

namespace adit::net {

std::string describe(int error) {
  const char* name = strerrorname_np(error);
  const char* text = strerrordesc_np(error);
  if (name == nullptr || text == nullptr) return fmt::format("error {}", error);
  return fmt::format("{} ({})", text, name);
}

}  // namespace adit::net
