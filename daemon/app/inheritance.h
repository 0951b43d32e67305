// SPDX-License-Identifier: MIT
// What a run finds of the one before, and leaves to the next (docs/restart.md): who opens the interface and the sockets
// asks here first.
#pragma once

#include <memory>
#include <optional>

#include "base/log.h"
#include "config/config.h"
#include "host/host_setup.h"
#include "path/pump.h"
#include "service/handover.h"

namespace adit::app {

class Inheritance {
 public:
  /// Takes it; nobody can a second time.
  Inheritance();

  /// The interface and the sockets, those of the run before where `config` lets them be as they are. Throws
  /// std::runtime_error with a sentence.
  std::unique_ptr<path::Doors> open_doors(const config::Config& config, Log& log);

  /// After open_doors: the interface is that of the run before, and so is what was done to it.
  bool goes_on() const { return goes_on_; }
  /// Besides, the hooks for `up` have run, and none for `down` since.
  bool is_up() const { return goes_on_ && !facts_->down_ran; }
  /// None: there is nothing to go on with.
  const std::optional<service::SessionFacts>& facts() const { return facts_; }
  bool has_session() const { return facts_ && facts_->session; }
  const tunnel::SavedTunnel& session() const { return session_->saved; }
  /// The file names other endpoints than it did: where the peer was found is no reason not to call where the file wants
  /// it to be called, as after a reload.
  bool endpoints_edited(const config::Config& config) const;

 private:
  net::TunDevice open_device(const config::Config& config, Log& log);
  net::UdpPair open_sockets(const config::Config& config, Log& log);

  service::Estate estate_;
  std::unique_ptr<tunnel::SavedTunnelHolder> session_ = std::make_unique<tunnel::SavedTunnelHolder>();
  std::optional<service::SessionFacts> facts_;
  bool goes_on_ = false;
};

/// What the successor needs. Nothing of it works here any more, and nothing is taken back, but from somebody else's
/// interface where the next is likely to be another one. `session`: of service::make_session_file, from before it was
/// decided that this run ends. `down_ran`, `suspended`: SessionFacts.
Result<service::Estate> bequeath(FileDescriptor session, const config::Config& config, path::Doors& doors,
                                 host::HostSetup& host, tunnel::Tunnel& tunnel, bool down_ran, Duration suspended);

}  // namespace adit::app
