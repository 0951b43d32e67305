// SPDX-License-Identifier: MIT
#include "net/vm_generation.h"

#include <linux/netlink.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>

namespace adit::net {
namespace {

/// The kernel's own; the second is udev's.
constexpr unsigned kKernelGroup = 1;
/// No uevent is longer than the kernel's 2 KB of lines and a path.
constexpr std::size_t kLargest = 8192;
/// A turn: whoever plugs things in without end shall not stop the packets.
constexpr int kReadsPerTurn = 64;

}  // namespace

bool is_new_vm_generation(std::string_view uevent) {
  const auto header = uevent.substr(0, uevent.find('\0'));
  if (!header.starts_with("change@")) return false;
  uevent.remove_prefix(header.size());
  while (!uevent.empty()) {
    uevent.remove_prefix(1);
    const auto line = uevent.substr(0, uevent.find('\0'));
    if (line == "NEW_VMGENID=1") return true;
    uevent.remove_prefix(line.size());
  }
  return false;
}

VmGenerationWatch::VmGenerationWatch(EventLoop& loop, std::function<void()> changed)
    : changed_(std::move(changed)),
      fd_(::socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT)) {
  const sockaddr_nl address{.nl_family = AF_NETLINK, .nl_groups = kKernelGroup};
  if (!fd_ || ::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return;
  watch_ = loop.watch(fd_.get(), EPOLLIN, [this](std::uint32_t) { look(); });
}

void VmGenerationWatch::look() {
  std::array<char, kLargest> buffer;
  bool changed = false;
  for (int reads = 0; reads < kReadsPerTurn; ++reads) {
    const auto size = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && errno == ENOBUFS) {
      changed = true;  // it may have been among what was lost, and a handshake costs little
      continue;
    }
    if (size < 0) break;
    // From the kernel, or from somebody with CAP_NET_ADMIN here, who could do worse than cause a handshake.
    changed |= is_new_vm_generation({buffer.data(), static_cast<std::size_t>(size)});
  }
  if (!changed) return;
  const auto callback = changed_;  // which may destroy us
  callback();
}

}  // namespace adit::net
