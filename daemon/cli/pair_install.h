// SPDX-License-Identifier: MIT
// `adit pair --install`: puts each end's file on its host, starts both, and waits until packets pass; on failure takes
// back what it did. `adit unpair` is its reverse.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/remote.h"

namespace adit::cli {

/// One end, and where it is to be.
struct Installation {
  std::string name;  ///< of the link there
  Remote host;
  std::string file;     ///< the text of its configuration, with its keys
  std::string address;  ///< of the other end, inside the tunnel; empty: it has none of its own
  std::string bridge;   ///< which has to be there; empty: none
};

/// The file of a link there, and the unit that runs it.
std::string path_of(const std::string& name);
std::string unit_of(const std::string& name);

/// NAME=TARGET each, TARGET being `local` or what ssh takes. The error is a sentence.
Result<std::vector<std::pair<std::string, Remote>>> parse_targets(const std::vector<std::string>& texts);

struct InstallOptions {
  std::optional<std::filesystem::path> package;  ///< for a host that has no Adit
  bool dry_run = false;                          ///< only say what would be done
};

/// An exit status. What it does is said on context.out, and what went wrong on context.err, with what doctor says.
int install(const std::vector<Installation>& ends, const InstallOptions& options, Context& context);

}  // namespace adit::cli
