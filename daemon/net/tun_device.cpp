// SPDX-License-Identifier: MIT
#include "net/tun_device.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "net/netlink_tun.h"
#include "net/tun_holder.h"

namespace adit::net {
namespace {

constexpr short kCommonFlags = IFF_NO_PI | IFF_VNET_HDR;
constexpr short flags_of(const TunOptions& options) {
  return static_cast<short>(kCommonFlags | (options.frames ? IFF_TAP : IFF_TUN));
}

/// Debian 12's headers do not have the last two.
constexpr unsigned long kTcpOffloads = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6;
constexpr unsigned long kUdpOffloads = 0x20 | 0x40;
/// TUNGETDEVNETNS, likewise.
constexpr unsigned long kTunGetDeviceNamespace = _IO('T', 227);
/// TUNSETCARRIER, likewise.
constexpr unsigned long kTunSetCarrier = _IOW('T', 226, int);

std::unexpected<Error> open_failure(const std::string& path, int error) {
  switch (error) {
    case ENOENT:
    case ENODEV:
    case ENXIO:
      return fail("there is no {}: load the tun module (`modprobe tun`), or in a container pass the device in", path);
    case EACCES:
    case EPERM:
      return fail(
          "{} may not be opened: run as root, or let this user read and write it (in a container: allow the "
          "device)",
          path);
    default:
      return fail("cannot open {}: {}", path, describe(error));
  }
}

/// Two programs on one interface would each get some of its packets, so the kernel lets only one have it.
Error held_failure(const std::string& name, const std::optional<NetworkNamespace>& netns) {
  std::string holders;
  for (const auto& holder : holders_of_tun(name, netns)) holders += (holders.empty() ? "" : ", ") + holder;
  if (!holders.empty()) {
    return {
        fmt::format("the interface {} is in use by {}: stop that, or choose another interface.name", name, holders)};
  }
  return {fmt::format(
      "another program, perhaps a second aditd, has the interface {}: stop it, or choose another interface.name; "
      "`sudo grep -ls 'iff:.{}$' /proc/[0-9]*/fdinfo/*` shows which process it is",
      name, name)};
}

std::unexpected<Error> attach_failure(const std::string& name, bool frames, bool existed, int error) {
  switch (error) {
    case EPERM:
      return fail(
          "adit needs CAP_NET_ADMIN to make the interface {}: run as root, or by the unit "
          "(`systemctl start adit@NAME`)",
          name);
    case EINVAL:
      if (existed) {
        return fail(
            "there is an interface {} already and it is not a {} interface that adit can use: remove it, or "
            "choose another interface.name",
            name, frames ? "TAP" : "TUN");
      }
      return fail("the kernel does not take {} for an interface name: choose another interface.name", name);
    default:
      return fail("cannot make the interface {}: {}", name, describe(error));
  }
}

Result<TunOffloads> set_offloads(int fd, bool wanted) {
  if (wanted && ioctl(fd, TUNSETOFFLOAD, kTcpOffloads | kUdpOffloads) == 0)
    return TunOffloads{.tcp = true, .udp = true};
  if (wanted && ioctl(fd, TUNSETOFFLOAD, kTcpOffloads) == 0) return TunOffloads{.tcp = true};
  // A persistent interface may still have the offloads of the program that used it before: their packets would come
  // in up to 64 KB, and without a header that says how to split them.
  if (ioctl(fd, TUNSETOFFLOAD, 0UL) != 0) return fail("cannot switch off offloads: {}", describe(errno));
  return {};
}

/// A persistent interface keeps what the program that used it before wanted in front of each packet.
Result<> set_header(int fd) {
  int size = offload::kVirtioHeaderSize;
  if (ioctl(fd, TUNSETVNETHDRSZ, &size) != 0) return fail("cannot set the size of packet headers: {}", describe(errno));
  int no = 0;
  ioctl(fd, TUNSETVNETLE, &no);  // this machine's byte order; a kernel that knows no other refuses, and is right
  ioctl(fd, TUNSETVNETBE, &no);
  return {};
}

/// Where the interface is now. None: it is gone, or the kernel is older than Linux 5.2 and does not say.
std::optional<NetworkNamespace> namespace_of(const FileDescriptor& tun) {
  return NetworkNamespace::of(FileDescriptor(ioctl(tun.get(), kTunGetDeviceNamespace)));
}

/// Runs `work` in the network namespace of that name, which goes to `place`; in our own if there is no name.
template <class Work>
Result<> in_namespace(const std::string& name, std::optional<NetworkNamespace>& place, const Work& work) {
  if (name.empty()) return work();
  auto found = NetworkNamespace::open(name);
  if (!found) return std::unexpected(found.error());
  // A process's number may be that of another one by now, in the host's network: all of that would go into the tunnel.
  if (const auto own = NetworkNamespace::own(); own && found->is(*own)) {
    return fail(
        "{} (interface.netns) is the network namespace that aditd itself is in: leave netns out if that is meant; else "
        "name another one (in /proc/PID/ns/net the PID may be another process's by now)",
        name);
  }
  const auto visit = found->enter();
  if (!visit) return std::unexpected(visit.error());
  place.emplace(std::move(*found));
  return work();
}

/// An interface with neither owner nor group lets anybody attach to it who may open the device, and that is everybody.
void keep_for_root(const FileDescriptor& tun) {
  // A user namespace may have no such user.
  if (ioctl(tun.get(), TUNSETOWNER, 0UL) != 0) ioctl(tun.get(), TUNSETOWNER, static_cast<unsigned long>(::geteuid()));
}

/// Nobody has attached to the interface, of the network namespace of the calling thread, but who has these queues.
bool is_ours_alone(const std::string& name, const TunQueues& queues) {
  auto netlink = Netlink::open();
  if (!netlink) return true;
  const auto there = get_tun(*netlink, name);
  return !there || there->attached == 1 + queues.more.size() + (queues.writer ? 1 : 0);
}

Result<> set_options(int fd, const TunOptions& options) {
  if (auto done = set_header(fd); !done) return done;
  if (options.owner && ioctl(fd, TUNSETOWNER, static_cast<unsigned long>(*options.owner)) != 0) {
    return fail("cannot give it to user {} (interface.owner): {}", *options.owner, describe(errno));
  }
  if (options.group && ioctl(fd, TUNSETGROUP, static_cast<unsigned long>(*options.group)) != 0) {
    return fail("cannot give it to group {} (interface.group): {}", *options.group, describe(errno));
  }
  if (options.mac) {
    ifreq request{};
    request.ifr_hwaddr.sa_family = ARPHRD_ETHER;
    std::ranges::copy(options.mac->bytes, request.ifr_hwaddr.sa_data);
    if (ioctl(fd, SIOCSIFHWADDR, &request) != 0) {
      return fail("cannot give it the address {} (interface.mac): {}", to_string(*options.mac), describe(errno));
    }
  }
  // Never switched off here: somebody else may have made it persistent.
  if (options.persist && ioctl(fd, TUNSETPERSIST, 1UL) != 0) {
    return fail("cannot make it persistent (interface.persist): {}", describe(errno));
  }
  return {};
}

/// Why the interface of the run before, as the kernel has it, is not the one that is wanted; none: it is.
std::optional<Error> why_another(const ifreq& there, const TunOptions& options, bool moved) {
  // Whoever moved it may have given it another name.
  const bool other_name = options.name != there.ifr_name && !moved;
  if (!other_name && (there.ifr_flags & (IFF_TUN | IFF_TAP)) != (options.frames ? IFF_TAP : IFF_TUN)) {
    return Error{fmt::format("the interface of the run before was for {} (interface.mode)",
                             options.frames ? "IP packets, and not for frames" : "frames, and not for IP packets")};
  }
  if (other_name || (there.ifr_flags & kCommonFlags) != kCommonFlags) {
    return Error{fmt::format("the interface of the run before is {}, and not {}", there.ifr_name, options.name)};
  }
  return std::nullopt;
}

/// One of ours that nobody goes on with. A persistent one would live on, up and with our addresses and routes, in the
/// way of the one that is made in its place.
void end_with_descriptor(const FileDescriptor& tun) {
  ioctl(tun.get(), TUNSETPERSIST, 0UL);
}

}  // namespace

Result<TunDevice> TunDevice::open(const TunOptions& options) {
  TunDevice device;
  bool held = false;
  auto done = in_namespace(options.netns, device.netns_, [&] { return device.make(options, held); });
  if (held) return std::unexpected(held_failure(options.name, device.netns_));
  if (!done) return std::unexpected(done.error());
  return device;
}

Result<> TunDevice::can_open(const TunOptions& options) {
  TunDevice device;
  bool held = false;
  auto done = in_namespace(options.netns, device.netns_, [&]() -> Result<> {
    return if_nametoindex(options.name.c_str()) == 0 ? Result<>() : device.take(options, held);
  });
  if (held) return std::unexpected(held_failure(options.name, device.netns_));
  return done;
}

/// In the network namespace of the calling thread, where the interface is to be. `held`: by somebody else.
Result<> TunDevice::take(const TunOptions& options, bool& held) {
  ifreq request{};
  if (options.name.empty() || options.name.size() >= sizeof request.ifr_name) {
    return fail("an interface name has 1 to {} bytes, `{}` does not: choose another interface.name",
                sizeof request.ifr_name - 1, options.name);
  }
  fd_.reset(::open(options.device_path.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
  if (!fd_) return open_failure(options.device_path, errno);

  existed_before_ = if_nametoindex(options.name.c_str()) != 0;
  frames_ = options.frames;
  if (!attach(options, held)) return attach_failure(options.name, options.frames, existed_before_, errno);
  return {};
}

Result<> TunDevice::make(const TunOptions& options, bool& held) {
  if (auto done = take(options, held); !done) return done;
  if (auto done = set_options(fd_.get(), options); !done) return fail("interface {}: {}", name_, done.error().message);
  auto offloads = set_offloads(fd_.get(), options.offload);
  if (!offloads) return fail("interface {}: {}", name_, offloads.error().message);
  offloads_ = *offloads;
  offloads_.frames = options.frames;
  options_ = options;
  index_ = if_nametoindex(name_.c_str());
  if (index_ == 0) return fail("the interface {} was removed while adit set it up: start again", name_);
  return {};
}

/// The kernel lets any number attach to an interface with several queues, as long as there is one: whether somebody has
/// it is for us to find out. False: errno says why not.
bool TunDevice::attach(const TunOptions& options, bool& held) {
  ifreq request{};
  std::ranges::copy(options.name, request.ifr_name);
  auto flags = flags_of(options);
  auto several = options.queues > 1;
  int exclusive = 0;
  if (existed_before_) {
    auto netlink = Netlink::open();
    const auto there = netlink ? get_tun(*netlink, options.name).value_or(TunState{}) : TunState{};
    several = there.several_queues;
    if (there.attached > 0) {
      held = true;
      return false;
    }
  } else if (several) {
    exclusive = IFF_TUN_EXCL;  // somebody may make it at this moment
  }
  if (several) flags |= IFF_MULTI_QUEUE;
  request.ifr_flags = static_cast<short>(flags | exclusive);
  if (ioctl(fd_.get(), TUNSETIFF, &request) != 0) {
    held = errno == EBUSY;
    return false;
  }
  name_ = request.ifr_name;
  if (!existed_before_ && !options.owner && !options.group) keep_for_root(fd_);
  if (several) queues_ = TunQueues::attach(options.device_path, name_, flags, std::min(options.queues, kMostQueues));
  held = several && !existed_before_ && !is_ours_alone(name_, queues_);
  return !held;
}

bool TunDevice::is_persistent(const FileDescriptor& tun) {
  ifreq request{};
  return ioctl(tun.get(), TUNGETIFF, &request) == 0 && (request.ifr_flags & IFF_PERSIST) != 0;
}

Result<TunDevice> TunDevice::adopt(FileDescriptor fd, std::vector<FileDescriptor> queues, const TunOptions& options,
                                   Past past) {
  ifreq request{};
  if (ioctl(fd.get(), TUNGETIFF, &request) != 0) return fail("cannot go on with the interface: {}", describe(errno));
  if (auto why = why_another(request, options, past.moved)) {
    if (!past.existed_before) end_with_descriptor(fd);
    return std::unexpected(std::move(*why));
  }
  TunDevice device;
  device.fd_ = std::move(fd);
  device.queues_ = TunQueues::adopt(std::move(queues), request.ifr_name);
  device.name_ = options.name;
  device.existed_before_ = past.existed_before;
  device.frames_ = options.frames;
  auto found = in_namespace(options.netns, device.netns_, [&]() -> Result<> {
    device.index_ = if_nametoindex(device.name_.c_str());
    // There may be another one of the name.
    const auto wanted = NetworkNamespace::own();
    const auto actual = namespace_of(device.fd_);
    if (wanted && actual && !wanted->is(*actual)) device.index_ = 0;
    return {};
  });
  if (!found) return std::unexpected(found.error());
  if (device.index_ == 0 && past.moved) device.index_ = kElsewhere;
  if (device.index_ == 0) {
    if (!past.existed_before) end_with_descriptor(device.fd_);
    return fail("the interface {} of the run before is no longer there", device.name_);
  }
  if (auto done = device.change(options); !done) return std::unexpected(done.error());
  return device;
}

TunDevice::~TunDevice() {
  if (fd_) ioctl(fd_.get(), TUNSETOFFLOAD, 0UL);
}

bool TunDevice::can_have(const TunOptions& options) const {
  if (!options.group || options.owner) return true;
  auto netlink = open_netlink();
  if (!netlink) return true;
  const auto there = get_tun(*netlink, name_);
  return !there || !there->has_owner;
}

Result<> TunDevice::change(const TunOptions& options) {
  if (!can_have(options)) return fail("interface {} has an owner, and interface.group is to do without", name_);
  // The kernel cannot take it back from somebody, but it can be given to root, who may use it anyway.
  auto given = options;
  if (options_.owner && !options.owner) given.owner = 0;
  if (options_.group && !options.group) given.group = 0;
  // The run before may have been of a release that did not, and may have given it to somebody.
  if (!given.owner && !given.group && !existed_before_) keep_for_root(fd_);
  auto done = set_options(fd_.get(), given);
  if (done && !options.persist && !existed_before_ && ioctl(fd_.get(), TUNSETPERSIST, 0UL) != 0) {
    done = fail("cannot make it end with aditd (interface.persist): {}", describe(errno));
  }
  auto offloads = done ? set_offloads(fd_.get(), options.offload) : std::unexpected(done.error());
  if (!offloads) return fail("interface {}: {}", name_, offloads.error().message);
  offloads_ = *offloads;
  offloads_.frames = options.frames;
  options_ = options;
  return {};
}

Result<Netlink> TunDevice::open_netlink() const {
  if (!netns_) return Netlink::open();
  const auto visit = netns_->enter();
  if (!visit) return std::unexpected(visit.error());
  return Netlink::open();
}

std::string TunDevice::name_in_kernel() const {
  ifreq request{};
  return ioctl(fd_.get(), TUNGETIFF, &request) == 0 ? request.ifr_name : std::string();
}

std::optional<std::string> TunDevice::moved_to() const {
  ifreq request{};
  if (ioctl(fd_.get(), TUNGETIFF, &request) != 0) return std::nullopt;
  const auto place = namespace_of(fd_);
  const auto name = place ? place->name_in_run() : std::string();
  return name.empty() ? "another network namespace" : "the network namespace " + name;
}

bool TunDevice::is_at_home() const {
  const auto place = namespace_of(fd_);
  const auto own = netns_ ? std::nullopt : NetworkNamespace::own();
  const auto* const home = netns_ ? &*netns_ : own ? &*own : nullptr;
  return !place || home == nullptr || place->is(*home);
}

IoResult TunDevice::read(MutableBytes arena, std::vector<TunPacket>& packets, std::size_t queue) {
  constexpr std::size_t kCacheLine = 64;
  IoResult result;
  constexpr std::size_t kHeader = offload::kVirtioHeaderSize;
  const auto front = frames_ ? kFrameHeadroom : 0;
  const auto largest = kLargestPacket + front;
  std::size_t used = 0;
  for (std::size_t tries = 0; tries < kMostReads; ++tries) {
    // The place after a packet is rounded up and may lie past the end; the first packet takes an arena however small.
    if (used > 0 && arena.size() < used + front + largest + kReadSlack) break;
    TunPacket packet{.virtio = {}, .bytes = arena.subspan(used + front)};
    const auto room = std::min(packet.bytes.size() - kReadSlack, largest);
    const std::array<iovec, 2> parts{iovec{.iov_base = &packet.virtio, .iov_len = kHeader},
                                     iovec{.iov_base = packet.bytes.data(), .iov_len = room}};
    const auto size = ::readv(fd(queue), parts.data(), parts.size());
    if (size < 0) {
      if (errno != EAGAIN && errno != EINTR) result.error = errno;
      break;
    }
    const auto bytes = static_cast<std::size_t>(size);
    if (bytes < kHeader || bytes - kHeader >= room) {
      std::atomic_ref(truncated_).fetch_add(1);
      continue;
    }
    packet.bytes = packet.bytes.first(bytes - kHeader);
    packets.push_back(packet);
    ++result.count;
    used += (front + packet.bytes.size() + kReadSlack + kCacheLine - 1) / kCacheLine * kCacheLine;
  }
  return result;
}

IoResult TunDevice::write(std::span<const offload::Delivery> deliveries,
                          const std::function<void(std::size_t, int)>& refused) {
  IoResult result;
  const int to = queues_.writer ? queues_.writer.get() : fd_.get();
  std::array<iovec, 1 + offload::kMaxPieces> parts;
  for (std::size_t i = 0; i < deliveries.size(); ++i) {
    const auto& delivery = deliveries[i];
    // A fresh header every time: what the last packet needed must not be done to this one.
    auto virtio = delivery.virtio;
    parts[0] = {.iov_base = &virtio, .iov_len = offload::kVirtioHeaderSize};
    std::size_t count = 1;
    for (const auto piece : delivery.pieces) {
      parts[count++] = {.iov_base = const_cast<std::uint8_t*>(piece.data()), .iov_len = piece.size()};
    }
    if (::writev(to, parts.data(), static_cast<int>(count)) >= 0) {
      ++result.count;
      continue;
    }
    result.error = errno;
    if (refused) refused(i, result.error);
    if (is_gone(result.error)) break;
  }
  return result;
}

bool TunDevice::set_carrier(bool there) {
  const int carrier = there ? 1 : 0;
  return ioctl(fd_.get(), kTunSetCarrier, &carrier) == 0;
}

bool TunDevice::is_gone(int error) {
  return error == EBADFD;
}

}  // namespace adit::net
