// SPDX-License-Identifier: MIT
// From one run of the daemon to the next without a gap: the TUN, the UDP sockets and the session. They travel as
// descriptors in the way of sd_listen_fds(3), whether the service manager kept them meanwhile (`systemctl restart`) or
// the process becomes its successor by itself (SIGUSR2).
//
// The session is in a file in memory that is written at an orderly stop, after the last packet, and emptied by whoever
// reads it before its first packet: it can be used once. docs/restart.md has the whole argument.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_descriptor.h"
#include "base/result.h"
#include "crypto/blake2s.h"
#include "net/netlink_link.h"
#include "tunnel/saved.h"

namespace adit::service {

/// What travels; each may be missing.
struct Estate {
  FileDescriptor tun;
  FileDescriptor udp4;
  FileDescriptor udp6;
  FileDescriptor session;
};

/// Facts beside the session.
struct SessionFacts {
  std::string boot;          ///< instants mean nothing in another one
  std::string sockets;       ///< what the UDP sockets were made for
  crypto::Hash endpoints{};  ///< of peer.endpoint as the file had it
  bool tun_existed = false;  ///< before any of us came
  bool tun_moved = false;    ///< by somebody, to another network namespace
  net::LinkState link;       ///< the interface as it was then, less its name
  std::uint32_t mtu = 0;     ///< of the interface now
};

/// What an earlier run left, once a process: whatever else was passed in is closed.
Estate take_estate();

Result<FileDescriptor> write_session(const tunnel::SavedTunnel& saved, const SessionFacts& facts);
/// Empties the file. Nothing when it is empty, or was written by a version that saved other things.
std::optional<SessionFacts> consume_session(const FileDescriptor& memory, tunnel::SavedTunnel& saved);

/// Gives it to the service manager to keep. False: there is none, or it does not take it.
bool store(const Estate& estate);
/// What the service manager keeps is in use by us now.
void empty_store();

/// Becomes the program `arguments` (argv, the program first), with the estate. Returns only on failure.
Error become(const Estate& estate, const std::vector<std::string>& arguments);

}  // namespace adit::service
