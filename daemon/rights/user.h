// SPDX-License-Identifier: MIT
// Started as root, the daemon becomes somebody who may change the network and nothing else, as its unit has it from the
// start: before it has made anything, so that all it makes is that user's. What it has to read and write later is seen
// to first; where that cannot be had, it stays who it is and says why.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"

namespace adit::rights {

/// Whom the package and the unit have.
inline constexpr const char* kUsualUser = "adit";
/// Whose files of root's are given to that user, as the unit gives them: all links are the same user. Somebody else
/// gets those of the link alone.
inline constexpr const char* kConfigFolder = "/etc/adit";

struct Needs {
  std::string link;       ///< its name; empty: it keeps nothing from run to run
  std::string interface;  ///< its name, by which `wg` finds its socket
  /// Its configuration, and the keys that names; those that are empty are none.
  std::vector<std::filesystem::path> files;
  /// Called as the user, in a process of its own: what that one lacks besides folders, as a clause; empty: nothing.
  std::function<std::string()> lack = {};
  std::vector<int> capabilities;  ///< CAP_NET_ADMIN…
};

struct Outcome {
  bool changed = false;
  bool matters = false;  ///< to somebody who does not look for it
  std::string sentence;  ///< who it is now, or why not; empty: nobody asked
};

/// `wanted`: a user's name; empty: kUsualUser, if there is one and it can be done. What is missing for somebody who was
/// named is an error; what was root's is so again then. To be called before there are threads.
Result<Outcome> become(const std::string& wanted, const Needs& needs);

}  // namespace adit::rights
