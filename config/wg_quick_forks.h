// SPDX-License-Identifier: MIT
// The keys of protocols that began as WireGuard's (AmneziaWG). With some values the other end still speaks WireGuard:
// junk before a handshake, which everybody drops. With others it does not, and no link could come of the file.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "config/cursor.h"

namespace adit::config {

class WgQuickForks {
 public:
  /// False: it is none of their keys.
  bool take(std::string_view key, const At<std::string_view>& value);
  /// Once for all of them.
  void report(Problems& problems) const;

 private:
  std::optional<Place> neutral_;
  std::optional<At<std::string>> changed_;  ///< the first one, as it would be written
};

}  // namespace adit::config
