// SPDX-License-Identifier: MIT
// Which bridge a persistent interface was put into by us, noted in the run folder as long as it is: a run that is
// killed leaves it there, and the next one would take what it finds for somebody else's doing.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "host/interface_setup.h"

namespace adit::host {

class PortNote {
 public:
  /// `boot`: numbers of interfaces mean nothing in another one.
  PortNote(const std::filesystem::path& folder, const std::string& link, std::string boot)
      : file_(folder / (link + ".port")), boot_(std::move(boot)) {}

  /// `interface` is as `past` says; a bridge of 0: in none because of us, and nothing is noted. Costs nothing where
  /// that is what was said last.
  void write(std::uint32_t interface, const InterfacePast& past);
  void remove() { write(0, {}); }
  /// What the run that left the note would have told its successor, if `link`, which is that interface, is still where
  /// that one put it.
  std::optional<InterfacePast> past_of(std::uint32_t interface, net::LinkState link) const;

 private:
  std::filesystem::path file_;
  std::string boot_;
  std::optional<std::string> said_;
};

}  // namespace adit::host
