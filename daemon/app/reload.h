// SPDX-License-Identifier: MIT
// The way from one configuration to the next, on a running link. In three steps: make what can fail and touches
// nothing; change what can fail and be changed back; then what cannot fail. What is the same in both files is not
// touched: the session, its counters and the learned endpoint survive everything but a change of identity (our key, or
// the peer's).
#pragma once

#include <functional>

#include "control/reload.h"
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
    std::function<void(const link::Edit&)> adopted;  ///< the new configuration is in force
    std::function<void(const Error&)> given_up;      ///< nothing can be as it was: the link cannot go on
  };
  explicit Reload(Parts parts) : parts_(std::move(parts)) {}

  /// Reads the file again. Says in the log what came of it, and tells the service manager.
  control::ReloadOutcome from_file();
  /// `edit`: what `next`, which holds its keys, changes. On failure all is as it was.
  Result<> change_to(config::Config& next, const link::Edit& edit);

 private:
  class Undo;
  Result<> change_host(const config::Config& next, const link::Edit& edit, std::uint32_t mtu, Undo& undo);
  Result<> change_sockets(const config::Config& next, const link::Edit& edit, Undo& undo);
  void adopt(config::Config& next, const link::Edit& edit, link::Link::Machine successor);
  control::ReloadOutcome refuse(control::ReloadRefusal refusal) const;
  void tell(const std::string& sentence) const;

  Parts parts_;
};

}  // namespace adit::app
