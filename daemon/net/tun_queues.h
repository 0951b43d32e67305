// SPDX-License-Identifier: MIT
// Further descriptors of one TUN interface (IFF_MULTI_QUEUE): the kernel puts each flow into one queue, by a hash of
// its addresses and ports, and different threads can read different ones.
//
// A kernel that is given a packet by way of a queue puts the answers into the same one from then on. Were all written
// by one, all flows that are answered would end up there; so what comes in is written by a queue that is at rest
// (IFF_DETACH_QUEUE): the kernel learns nothing from that, and a flow stays where its hash puts it.
#pragma once

#include <string>
#include <vector>

#include "base/file_descriptor.h"

namespace adit::net {

/// Beside the first one, which TunDevice has.
struct TunQueues {
  std::vector<FileDescriptor> more;  ///< to be read
  FileDescriptor writer;             ///< at rest; none: there is one queue, and nothing to be learned

  /// As many beside the first as make `queues`, or as many as the system lets us have. `name`: of an interface in the
  /// network namespace of the calling thread, which the first was attached to with these flags.
  static TunQueues attach(const std::string& device_path, const std::string& name, short flags, std::size_t queues);
  /// Those of an earlier run. What is of another interface than `name` is closed.
  static TunQueues adopt(std::vector<FileDescriptor> descriptors, const std::string& name);
};

}  // namespace adit::net
