// SPDX-License-Identifier: MIT
// For files, root becomes another user for a moment: what the daemon may read and write is asked of the kernel, not
// computed from modes.
#pragma once

#include <pwd.h>
#include <sys/types.h>

#include <string>

namespace adit::doctor {

/// The whole process, until this goes; only one at a time.
class AsUser {
 public:
  explicit AsUser(uid_t user);
  AsUser(const AsUser&) = delete;
  AsUser& operator=(const AsUser&) = delete;
  ~AsUser();
  /// Not so for anybody but root.
  bool changed() const { return changed_; }

 private:
  bool changed_ = false;
};

/// By number where there is no name.
std::string user_name(uid_t user);

}  // namespace adit::doctor
