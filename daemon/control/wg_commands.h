// SPDX-License-Identifier: MIT
// What `wg` asks of a link. A `set` goes the way of a reload, so that either all of it is in force or nothing; it holds
// until the file is read again.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "base/random.h"
#include "control/wg_protocol.h"
#include "link/edit.h"

namespace adit::control {

class WgCommands {
 public:
  /// All of them outlive it.
  struct Parts {
    const config::Config& config;  ///< that is in force
    RandomSource& random;
    Log& log;
    std::function<const tunnel::Tunnel&()> tunnel;
    std::function<std::uint16_t()> port;  ///< the one that is really used
    /// As Reload::change_by_wg.
    std::function<Result<>(config::Config& next, const link::Edit& edit)> change;
    /// Calls the peer where the configuration says it is, even if it was found elsewhere and answers there.
    std::function<void()> call_configured = [] {};
  };
  explicit WgCommands(Parts parts) : parts_(std::move(parts)) {}

  /// The answer to a request, without the empty line that ends it. Holds secrets: to be wiped.
  std::string answer(std::string_view request);

  /// Keys of the file that are no longer as in the file.
  const std::vector<std::string>& changed() const { return changed_; }
  /// The file is in force again, but perhaps for the preshared key.
  void forget_changes(bool kept_preshared_key) {
    std::erase_if(changed_, [&](const auto& key) { return !kept_preshared_key || key != "peer.preshared_key"; });
  }

 private:
  std::expected<void, WgRefusal> set(std::string_view request);

  Parts parts_;
  std::vector<std::string> changed_;
};

}  // namespace adit::control
