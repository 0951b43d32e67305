// SPDX-License-Identifier: MIT
// Who may attach to the interface: with several queues the kernel asks for its owner and group, and for nothing else.
#include <fcntl.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "namespace.h"
#include "net/tun_device.h"

namespace adit::net {
namespace {

using test::in_namespace;

/// What user `nobody` is told who wants a queue of the interface.
int error_of_nobody(const char* name, gid_t group = 65534) {
  const FileDescriptor fd(::open("/dev/net/tun", O_RDWR | O_CLOEXEC));
  ifreq request{};
  std::strncpy(request.ifr_name, name, sizeof request.ifr_name - 1);
  request.ifr_flags = IFF_TUN | IFF_NO_PI | IFF_MULTI_QUEUE;
  const auto child = ::fork();
  if (child == 0) {
    const bool is_nobody =
        ::setgroups(0, nullptr) == 0 && ::setresgid(group, group, group) == 0 && ::setresuid(65534, 65534, 65534) == 0;
    ::_exit(!is_nobody ? 255 : ioctl(fd.get(), TUNSETIFF, &request) == 0 ? 0 : errno);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WEXITSTATUS(status);
}

TEST(TunDeviceOwner, NobodyElseCanHaveAQueueOfIt) {
  in_namespace([] {
    TunOptions options{.name = "tun-q", .queues = 2};
    auto device = TunDevice::open(options);
    ASSERT_TRUE(device) << device.error().message;
    ASSERT_EQ(device->queues(), 2);
    EXPECT_EQ(error_of_nobody("tun-q"), EPERM);
    options.owner = 65534;
    ASSERT_TRUE(device->change(options));
    EXPECT_EQ(error_of_nobody("tun-q"), 0) << "the file may say so";
    options.owner.reset();
    auto queues = device->release_queues();
    queues.more.push_back(std::move(queues.writer));
    const auto adopted = TunDevice::adopt(device->release(), std::move(queues.more), options, {});
    ASSERT_TRUE(adopted) << adopted.error().message;
    EXPECT_EQ(error_of_nobody("tun-q"), EPERM) << "and say so no longer while nobody runs";
  });
}

TEST(TunDeviceOwner, AGroupIsForAnInterfaceWithoutAnOwner) {
  in_namespace([] {
    TunOptions options{.name = "tun-q", .queues = 2};
    {
      auto device = TunDevice::open(options);
      ASSERT_TRUE(device) << device.error().message;
      options.group = 4321;
      EXPECT_FALSE(device->can_have(options)) << "the kernel would keep root as the owner, and let nobody else in";
      EXPECT_FALSE(device->change(options));
      options.owner = 65534;
      EXPECT_TRUE(device->can_have(options));
      options.owner.reset();
    }
    const auto device = TunDevice::open(options);
    ASSERT_TRUE(device) << device.error().message;
    EXPECT_TRUE(device->can_have(options));
    EXPECT_EQ(error_of_nobody("tun-q", 4321), 0);
    EXPECT_EQ(error_of_nobody("tun-q"), EPERM);
  });
}

}  // namespace
}  // namespace adit::net
