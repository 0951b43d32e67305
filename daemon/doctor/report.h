// SPDX-License-Identifier: MIT
// What was found, for people and for programs. docs/troubleshooting.md describes the JSON.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>

#include "doctor/finding.h"

namespace adit::doctor {

struct Patient {
  std::string name;
  std::string file;
  bool up = false;
  bool blind = false;  ///< not even the file may be read
};

/// `coloured`: with the escapes of a terminal.
std::string to_text(const Patient& patient, std::span<const Finding> found, bool coloured);
nlohmann::ordered_json to_json(const Patient& patient, std::span<const Finding> findings);

}  // namespace adit::doctor
