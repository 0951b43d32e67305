// SPDX-License-Identifier: MIT
#include "host/port_note.h"

#include <fmt/core.h>

#include <sstream>
#include <utility>

#include "host/note.h"

namespace adit::host {

void PortNote::write(std::uint32_t interface, const InterfacePast& past) {
  auto note = past.bridge == 0 ? "" : fmt::format("{} {} {} {}\n", boot_, interface, past.bridge, past.before.bridge);
  if (said_ == note) return;
  said_ = std::move(note);
  if (past.bridge == 0) return remove_note(file_);
  write_note(file_, *said_);
}

std::optional<InterfacePast> PortNote::past_of(std::uint32_t interface, net::LinkState link) const {
  std::istringstream text(read_note(file_));
  std::string boot;
  std::uint32_t noted = 0;
  std::uint32_t bridge = 0;
  std::uint32_t before = 0;
  if (!(text >> boot >> noted >> bridge >> before)) return std::nullopt;
  if (boot_.empty() || boot != boot_ || noted != interface || bridge == 0 || link.bridge != bridge) return std::nullopt;
  link.bridge = before;
  return InterfacePast{std::move(link), bridge};
}

}  // namespace adit::host
