// SPDX-License-Identifier: MIT
#include "net/tun_queues.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>

#include <algorithm>

namespace adit::net {
namespace {

FileDescriptor attach_one(const std::string& device_path, const std::string& name, short flags) {
  FileDescriptor fd(::open(device_path.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
  ifreq request{};
  request.ifr_flags = flags;
  std::ranges::copy(name, request.ifr_name);
  if (fd && ioctl(fd.get(), TUNSETIFF, &request) != 0) fd.reset();
  return fd;
}

bool put_to_rest(const FileDescriptor& queue) {
  ifreq request{};
  request.ifr_flags = IFF_DETACH_QUEUE;
  return ioctl(queue.get(), TUNSETQUEUE, &request) == 0;
}

}  // namespace

TunQueues TunQueues::attach(const std::string& device_path, const std::string& name, short flags, std::size_t queues) {
  TunQueues all;
  if (queues < 2) return all;
  // First, since a queue at rest keeps its number, and packets that come in bear it: there must be one of that number.
  all.writer = attach_one(device_path, name, flags);
  if (!all.writer || !put_to_rest(all.writer)) return {};
  while (all.more.size() + 1 < queues) {
    auto fd = attach_one(device_path, name, flags);
    if (!fd) break;
    all.more.push_back(std::move(fd));
  }
  if (all.more.empty()) all.writer.reset();
  return all;
}

TunQueues TunQueues::adopt(std::vector<FileDescriptor> descriptors, const std::string& name) {
  TunQueues all;
  for (auto& fd : descriptors) {
    ifreq request{};
    if (ioctl(fd.get(), TUNGETIFF, &request) != 0 || name != request.ifr_name) continue;
    if ((request.ifr_flags & IFF_DETACH_QUEUE) != 0) {
      all.writer = std::move(fd);
    } else {
      all.more.push_back(std::move(fd));
    }
  }
  if (all.more.empty()) all.writer.reset();
  return all;
}

}  // namespace adit::net
