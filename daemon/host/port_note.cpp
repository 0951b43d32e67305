// SPDX-License-Identifier: MIT
#include "host/port_note.h"

#include <fstream>
#include <system_error>
#include <utility>

namespace adit::host {

void PortNote::write(std::uint32_t interface, const InterfacePast& past) const {
  if (past.bridge == 0) {
    std::error_code ignored;
    std::filesystem::remove(file_, ignored);
    return;
  }
  std::ofstream file(file_, std::ios::trunc);
  file << boot_ << ' ' << interface << ' ' << past.bridge << ' ' << past.before.bridge << '\n';
}

std::optional<InterfacePast> PortNote::past_of(std::uint32_t interface, net::LinkState link) const {
  std::ifstream file(file_);
  std::string boot;
  std::uint32_t noted = 0;
  std::uint32_t bridge = 0;
  std::uint32_t before = 0;
  if (!(file >> boot >> noted >> bridge >> before)) return std::nullopt;
  if (boot_.empty() || boot != boot_ || noted != interface || bridge == 0 || link.bridge != bridge) return std::nullopt;
  link.bridge = before;
  return InterfacePast{std::move(link), bridge};
}

}  // namespace adit::host
