// SPDX-License-Identifier: MIT
// Tells when this virtual machine is a copy of what it was: cloned, or put back to a snapshot. The hypervisor then
// gives it another generation (VMGENID), and the kernel says so in a uevent, once it has renewed its own randomness.
#pragma once

#include <functional>
#include <string_view>

#include "base/file_descriptor.h"
#include "net/event_loop.h"

namespace adit::net {

/// Whether this is the kernel's word for it: "ACTION@PATH" and then lines KEY=VALUE, each with a zero byte behind it.
bool is_new_vm_generation(std::string_view uevent);

class VmGenerationWatch {
 public:
  /// Where uevents cannot be heard nothing is noticed: see `works`.
  VmGenerationWatch(EventLoop& loop, std::function<void()> changed);
  VmGenerationWatch(const VmGenerationWatch&) = delete;
  VmGenerationWatch& operator=(const VmGenerationWatch&) = delete;

  bool works() const { return static_cast<bool>(watch_); }
  /// Whether the kernel has said something: what the loop sees to by itself, where it turns.
  void look();

 private:
  std::function<void()> changed_;
  FileDescriptor fd_;
  Watch watch_;
};

}  // namespace adit::net
