// SPDX-License-Identifier: MIT
// The TUN interface's packet side, in batches, non-blocking. With offload the kernel hands over super-packets of up to
// 64 KB and unfinished checksums, and takes the same: the VirtioHeader says what is left to do, and offload/ does it.
// Its addresses, MTU and routes are InterfaceSetup's. Does not look into packets.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/file_descriptor.h"
#include "base/mac_address.h"
#include "base/result.h"
#include "net/io.h"
#include "net/netlink.h"
#include "net/network_namespace.h"
#include "net/tun_queues.h"
#include "offload/merge.h"

namespace adit::net {

struct TunOptions {
  std::string name;                    ///< 1 to 15 bytes
  bool frames = false;                 ///< a TAP: what it hands over and takes are Ethernet frames
  std::optional<MacAddress> mac;       ///< of a TAP; none: as it is
  std::optional<std::uint32_t> owner;  ///< user who may attach to the (persistent) interface without CAP_NET_ADMIN
  std::optional<std::uint32_t> group;
  bool persist = false;  ///< the interface stays when the device is closed
  bool offload = true;   ///< as far as the kernel has it
  /// That it is read from, each flow from one: with more than one as many as can be had, and an interface that is there
  /// already and was made without has one. Cannot be changed later.
  std::size_t queues = 1;
  /// Where the interface is to be, as NetworkNamespace::open has it; empty: here, which no name may lead to.
  std::string netns;
  std::string device_path = "/dev/net/tun";
};

/// One read of the TUN.
struct TunPacket {
  offload::VirtioHeader virtio;
  MutableBytes bytes;
};

/// What the interface may hand over and be given, beside plain packets.
struct TunOffloads {
  bool frames = false;  ///< all of it in Ethernet frames
  bool tcp = false;     ///< TSO for IPv4 and IPv6, and checksums
  bool udp = false;     ///< USO for both (Linux 6.2)
};

/// More than any IP packet has.
inline constexpr std::size_t kLargestPacket = 65'536;
inline constexpr std::size_t kReadSlack = 64;
/// Writable bytes in front of each frame that is read, and room for its header beside that of the largest packet.
inline constexpr std::size_t kFrameHeadroom = 64;
/// Packets in a batch, at most: the other direction must have its turn. With fewer the queue runs over where they are
/// small and many (docs/performance.md).
inline constexpr std::size_t kMostReads = 256;
/// Queues that are worth having.
inline constexpr std::size_t kMostQueues = 8;
/// Stands for an interface of another network namespace where interfaces are told apart by number: none has this one.
inline constexpr std::uint32_t kElsewhere = 0xffff'ffff;

/// Different threads may read from different queues at the same time, and any number may write; all else is one's.
class TunDevice {
 public:
  /// Makes the interface, or takes over a persistent TUN interface of that name that nobody uses. The error is a
  /// sentence that names what to do about it.
  static Result<TunDevice> open(const TunOptions& options);
  /// Whether open() would fail for an interface of that name that is there: found by trying, and leaves it as it is.
  /// One of ours is in use.
  static Result<> can_open(const TunOptions& options);
  /// As an earlier run had it.
  struct Past {
    bool existed_before = false;
    bool moved = false;  ///< to another network namespace, by somebody
  };
  /// Whether the interface outlives those who use it.
  static bool is_persistent(const FileDescriptor& tun);
  /// One that an earlier run opened, with its further queues. Fails when it is not what `options` ask for; the
  /// descriptors are closed then, and an interface that a run of ours made goes with them, be it persistent. It keeps
  /// the queues it has.
  static Result<TunDevice> adopt(FileDescriptor fd, std::vector<FileDescriptor> queues, const TunOptions& options,
                                 Past past);
  /// For a later run; nothing else can be done with this one then.
  FileDescriptor release() { return std::move(fd_); }
  TunQueues release_queues() { return std::exchange(queues_, {}); }
  TunDevice(TunDevice&&) noexcept = default;
  TunDevice& operator=(TunDevice&&) = delete;
  TunDevice(const TunDevice&) = delete;
  TunDevice& operator=(const TunDevice&) = delete;
  /// A persistent interface is left without offloads, which its next user might not know how to take.
  ~TunDevice();

  /// Whether `change` can do it. The kernel takes an owner back from nobody, and lets in only who is the owner and in
  /// the group where there are both: a group alone is for an interface without an owner.
  bool can_have(const TunOptions& options) const;
  /// Owner, group, persistence, offload and MAC as `options` have them; the rest cannot change. The error is a
  /// sentence.
  Result<> change(const TunOptions& options);
  /// After the interface was renamed.
  void set_name(std::string name) { name_ = std::move(name); }

  /// Adds what is in the queue to `packets`, in order, one behind the other in `arena`, each on a cache line of its own
  /// and with kReadSlack writable bytes behind it, a frame with kFrameHeadroom in front of it, too. Ends when nothing
  /// is there, kMostReads are done, or the arena has no room for another packet of any size. A packet that fills all
  /// the room it had may have been cut: it is counted in `take_truncated()` and not delivered; that takes an arena of
  /// less than kLargestPacket. Nothing there: count 0, error 0. See `is_gone` for errors.
  IoResult read(MutableBytes arena, std::vector<TunPacket>& packets, std::size_t queue = 0);

  /// Tries each delivery once, in order; one that is refused does not stop the next. EIO: the interface is down;
  /// EINVAL: no IP packet, or (merged) more than this kernel takes; ENOBUFS, EAGAIN, ENOMEM: the kernel is short of
  /// memory. `refused` is called for each with its place and errno. count: of deliveries written.
  IoResult write(std::span<const offload::Delivery> deliveries,
                 const std::function<void(std::size_t, int)>& refused = {});

  /// The interface was deleted under us: nothing will work until the device is opened anew.
  static bool is_gone(int error);

  int fd(std::size_t queue = 0) const { return queue == 0 ? fd_.get() : queues_.more[queue - 1].get(); }
  std::size_t queues() const { return 1 + queues_.more.size(); }
  /// What is written by one that is read teaches the kernel to put all answered flows into that one: several are of
  /// little use then.
  bool has_writer() const { return static_cast<bool>(queues_.writer); }
  const std::string& name() const { return name_; }
  /// As the kernel has it: others may have renamed it. Empty: it is gone.
  std::string name_in_kernel() const;
  /// In the network namespace it was made in.
  std::uint32_t index() const { return index_; }
  /// Among the interfaces of our own: kElsewhere when it is not one of them.
  std::uint32_t index_here() const { return netns_ ? kElsewhere : index_; }
  /// It was moved before it was adopted; it is not known where to, and has no index().
  bool is_away() const { return index_ == kElsewhere; }
  /// Where it was made; none: in our own.
  const std::optional<NetworkNamespace>& netns() const { return netns_; }
  /// For requests about the interface, in the network namespace it was made in.
  Result<Netlink> open_netlink() const;
  /// The kernel says that it is no longer where it was. Somebody may have moved it to another network namespace: it
  /// goes on working then, and this names that one in words. None: it was deleted.
  std::optional<std::string> moved_to() const;
  /// It is in the network namespace it was made in. Also said where the kernel (before Linux 5.2) does not tell.
  bool is_at_home() const;
  /// The interface was there before we came (a persistent one).
  bool existed_before() const { return existed_before_; }
  const TunOffloads& offloads() const { return offloads_; }
  /// Of a TAP: what a cable that is plugged in is to a network card. False: this kernel cannot say so (before
  /// Linux 5.0).
  bool set_carrier(bool there);
  /// Packets that did not fit, since the last time.
  std::uint64_t take_truncated() { return std::atomic_ref(truncated_).exchange(0); }

 private:
  TunDevice() = default;
  Result<> take(const TunOptions& options, bool& held);
  Result<> make(const TunOptions& options, bool& held);
  bool attach(const TunOptions& options, bool& held);

  FileDescriptor fd_;
  TunQueues queues_;
  std::optional<NetworkNamespace> netns_;
  std::string name_;
  std::uint32_t index_ = 0;
  bool existed_before_ = false;
  bool frames_ = false;  ///< never changes, and is read by whoever reads packets
  TunOptions options_;   ///< change with each reload
  TunOffloads offloads_;
  std::uint64_t truncated_ = 0;  ///< by whoever reads
};

}  // namespace adit::net
