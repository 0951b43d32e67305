// SPDX-License-Identifier: MIT
// The TUN interface's packet side: IP packets without any header of the driver's, in batches, non-blocking. Its
// addresses, MTU and routes are InterfaceSetup's. Does not look into packets.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "base/bytes.h"
#include "base/file_descriptor.h"
#include "base/result.h"
#include "net/io.h"

namespace adit::net {

struct TunOptions {
  std::string name;                    ///< 1 to 15 bytes
  std::optional<std::uint32_t> owner;  ///< user who may attach to the (persistent) interface without CAP_NET_ADMIN
  std::optional<std::uint32_t> group;
  bool persist = false;  ///< the interface stays when the device is closed
  std::string device_path = "/dev/net/tun";
};

class TunDevice {
 public:
  /// Makes the interface, or takes over a persistent TUN interface of that name that nobody uses. The error is a
  /// sentence that names what to do about it.
  static Result<TunDevice> open(const TunOptions& options);

  /// Fills packets[0 .. count) in order and shrinks each span to what was read; the rest keep their size. Each span
  /// must be larger than the interface's MTU: a packet that fills its span may have been cut, and is counted in
  /// `truncated()` instead of being delivered. Nothing there: count 0, error 0. See `is_gone` for errors.
  IoResult read(std::span<MutableBytes> packets);

  /// Tries each packet once, in order; one that is refused does not stop the next. EIO: the interface is down;
  /// EINVAL: no IP packet; ENOBUFS, EAGAIN, ENOMEM: the kernel is short of memory. The bytes may be changed
  /// (checksums, headers) once offload needs it.
  IoResult write(std::span<const MutableBytes> packets);

  /// The interface was deleted under us: nothing will work until the device is opened anew.
  static bool is_gone(int error);

  int fd() const { return fd_.get(); }
  const std::string& name() const { return name_; }
  std::uint32_t index() const { return index_; }
  /// The interface was there before we came (a persistent one).
  bool existed_before() const { return existed_before_; }
  std::uint64_t truncated() const { return truncated_; }

 private:
  TunDevice() = default;

  FileDescriptor fd_;
  std::string name_;
  std::uint32_t index_ = 0;
  bool existed_before_ = false;
  std::uint64_t truncated_ = 0;
};

}  // namespace adit::net
