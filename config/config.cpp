// SPDX-License-Identifier: MIT
#include "config/config.h"

#include <fmt/core.h>

namespace adit::config {

std::string to_string(const EndpointName& name) {
  const bool v6 = name.host.find(':') != std::string::npos;
  return v6 ? fmt::format("[{}]:{}", name.host, name.port) : fmt::format("{}:{}", name.host, name.port);
}

}  // namespace adit::config
