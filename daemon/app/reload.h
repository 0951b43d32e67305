// SPDX-License-Identifier: MIT
// The way from one configuration to the next, on a running link. In three steps: make what can fail and touches
// nothing; change what can fail and be changed back; then what cannot fail. What is the same in both files is not
// touched: the session, its counters and the learned endpoint survive everything but a change of identity (our key, or
// the peer's).
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <utility>

#include "app/config_reading.h"
#include "control/reload.h"
#include "crypto/blake2s.h"
#include "host/host_setup.h"
#include "link/link.h"
#include "service/journal.h"
#include "service/service_manager.h"

namespace adit::app {

class Reload {
 public:
  /// All of them outlive it.
  struct Parts {
    config::Config& config;  ///< that is in force
    link::Link::Parts link_parts;
    link::Link& link;
    service::Journal* journal;  ///< none: stderr is something else
    service::ServiceManager& service;
    /// Waits so long at most, and has the link move its packets: something else holds the loop up.
    std::function<void(std::chrono::milliseconds)> move_meanwhile;
    std::function<void(const link::Edit&)> adopted;  ///< the new configuration is in force
    /// It takes another interface, which a new run of the daemon makes; on failure this run goes on as it is.
    std::function<Result<>()> replace;
    std::function<void(const Error&)> given_up;  ///< nothing can be as it was: the link cannot go on
  };
  /// The link has the keys of the file.
  explicit Reload(Parts parts) : parts_(std::move(parts)) {}

  /// Reads the file again. Says in the log what came of it, and tells the service manager. What takes another interface
  /// is not in force yet when it returns, and the last sentence says so.
  control::ReloadOutcome from_file();
  /// The last from_file() left the preshared key alone, which is not the file's but `wg`'s.
  bool kept_preshared_key() const { return preshared_key_of_wg_.has_value(); }
  /// `edit`: what `next`, which holds its keys, changes; nothing that takes another interface. On failure all is as it
  /// was.
  Result<> change_to(config::Config& next, const link::Edit& edit);
  /// Likewise, by `wg`: what comes of the file is told from what does not.
  Result<> change_by_wg(config::Config& next, const link::Edit& edit);

  /// The watchdog has more, and who asked for the reload, too.
  static constexpr std::chrono::seconds kPatience{5};
  /// What the file says now. Packets pass meanwhile. Nothing: it does not come within kPatience.
  std::optional<ConfigReading::Outcome> read_file();

 private:
  class Undo;
  link::Edit compare(const config::Config& next) const;
  Result<> check_replacement(const config::Config& next) const;
  Result<> change_host(const config::Config& next, const link::Edit& edit, std::uint32_t mtu, Undo& undo);
  Result<> change_sockets(const config::Config& next, const link::Edit& edit, Undo& undo);
  void adopt(config::Config& next, const link::Edit& edit, link::Link::Machine successor);
  control::ReloadOutcome refuse(control::ReloadRefusal refusal) const;
  void tell(const std::string& sentence) const;

  bool keep_preshared_key(config::Config& next) const;

  /// Hashes: the key itself is the tunnel's alone.
  struct PresharedKeyOfWg {
    crypto::Hash key;
    crypto::Hash of_file;  ///< of what the file said when that was set
  };

  Parts parts_;
  std::optional<ConfigReading> reading_;  ///< one that has not come to an end yet stands in the way of the next
  std::optional<PresharedKeyOfWg> preshared_key_of_wg_;  ///< the file may have put another one in its place since
};

}  // namespace adit::app
