// SPDX-License-Identifier: MIT
#include "doctor/as_user.h"

#include <grp.h>
#include <unistd.h>

#include <tuple>

namespace adit::doctor {

AsUser::AsUser(uid_t user) {
  if (::geteuid() != 0) return;
  const passwd* const entry = ::getpwuid(user);
  const gid_t group = entry != nullptr ? entry->pw_gid : static_cast<gid_t>(user);
  changed_ = ::setegid(group) == 0 && ::seteuid(user) == 0;
}

AsUser::~AsUser() {
  if (::getuid() != 0) return;
  // The user first: only root may change the group back.
  std::ignore = ::seteuid(0);
  std::ignore = ::setegid(0);
}

std::string user_name(uid_t user) {
  const passwd* const entry = ::getpwuid(user);
  return entry != nullptr ? entry->pw_name : std::to_string(user);
}

}  // namespace adit::doctor
