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
  std::vector<FileDescriptor> tun_queues;  ///< to be read, beside `tun`
  FileDescriptor tun_writer;               ///< the queue to write by, which is never read
  FileDescriptor udp4;
  FileDescriptor udp6;
  FileDescriptor session;
};

/// Facts beside the session, which any later release can read.
struct SessionFacts {
  std::string boot;          ///< instants mean nothing in another one
  crypto::Hash endpoints{};  ///< of peer.endpoint as the file had it
  bool tun_existed = false;  ///< before any of us came
  bool tun_moved = false;    ///< by somebody, to another network namespace
  net::LinkState link;       ///< the interface as it was then, less its name
  std::uint32_t bridge = 0;  ///< number of the one that it is in because of us; 0: none
  std::uint32_t mtu = 0;     ///< of the interface now
  Duration suspended{};      ///< the host since it was started, until this run was last at work
  bool down_ran = false;     ///< the hooks for `down`: whoever goes on with the interface runs those for `up`
  bool session = false;      ///< when read: the session beside them is of use
};

/// What an earlier run left, once a process: whatever else was passed in is closed.
Estate take_estate();

/// An empty file for it. To be had before anything is given up: there may be no descriptor left.
Result<FileDescriptor> make_session_file();
/// And what is in it cannot be changed any more, only emptied.
Result<> write_session(const FileDescriptor& memory, const tunnel::SavedTunnel& saved, const SessionFacts& facts);
/// Empties the file. Nothing when it is empty, or no such file. `now`: of this boot.
std::optional<SessionFacts> consume_session(const FileDescriptor& memory, tunnel::SavedTunnel& saved, Instant now);

/// Gives it to the service manager to keep. False: there is none, or it does not take it.
bool store(const Estate& estate);
/// What the service manager keeps is in use by us now. Returns when it has let go of it: what is made anew in place of
/// it would else find it in use.
void empty_store();

/// Null when there are descriptors enough for `become` with so many queues of the interface; else why not.
std::optional<Error> why_no_successor(std::size_t queues);

/// Becomes the program `arguments` (argv, the program first), with the estate. Returns only on failure.
Error become(const Estate& estate, const std::vector<std::string>& arguments);

}  // namespace adit::service
