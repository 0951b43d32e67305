// SPDX-License-Identifier: MIT
// Config → the text of a YAML file that reads back as the same Config. Keys are written inline, defaults left out.
// Knows no files: whoever writes the text to one sees to it that others cannot read it.
#pragma once

#include <string>
#include <string_view>

#include "config/config.h"

namespace adit::config {

enum class Secrets : std::uint8_t {
  written,   ///< the result is a file that works, and holds secrets
  left_out,  ///< as if there were none
};

/// `heading`: comment lines for the top, without their '#'.
std::string to_yaml(const Config& config, std::string_view heading, Secrets secrets = Secrets::written);

}  // namespace adit::config
