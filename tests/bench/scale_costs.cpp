// SPDX-License-Identifier: MIT
#include "scale_costs.h"

#include <fmt/core.h>
#include <sched.h>

#include <array>
#include <cstdlib>

#include "net/tun_device.h"
#include "net/udp_pair.h"
#include "packets.h"
#include "path/buffers.h"

namespace adit::bench {

using offload::VirtioHeader;

namespace {

int run(const char* command) {
  return std::system(command);  // NOLINT: of a program that only measures
}

}  // namespace

double cpu_ns(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

double median(std::vector<double> samples) {
  std::ranges::nth_element(samples, samples.begin() + static_cast<std::ptrdiff_t>(samples.size() / 2));
  return samples[samples.size() / 2];
}

/// UDP, since nobody has to answer it.
std::pair<VirtioHeader, Buffer> super_datagram() {
  offload::test::Recipe recipe{
      .tcp = false, .v4_addresses = {10, 9, 0, 2, 10, 9, 0, 1}, .payload = Buffer(kPayload, 0x5a)};
  auto packet = offload::test::with_partial_checksum(offload::test::build(recipe));
  const VirtioHeader virtio{.flags = VirtioHeader::kNeedsChecksum,
                            .gso_type = static_cast<std::uint8_t>(offload::GsoType::udp),
                            .header_size = 28,
                            .segment_size = kSegment,
                            .checksum_start = 20,
                            .checksum_offset = 6};
  return {virtio, packet};
}

std::optional<Costs> measure_costs(int rounds) {
  if (unshare(CLONE_NEWNET) != 0 || run("ip link set lo up") != 0) {
    fmt::print("cannot make a network namespace: run as root\n");
    return std::nullopt;
  }
  auto tun = net::TunDevice::open({.name = "scale0"});
  auto from = net::open_udp({.address = IpAddress::parse("127.0.0.1").value()});
  auto to = net::open_udp({.address = IpAddress::parse("127.0.0.1").value()});
  if (!tun || !from || !to) {
    fmt::print("{}\n", !tun ? tun.error().message : !from ? from.error().message : to.error().message);
    return std::nullopt;
  }
  if (run("ip addr add 10.9.0.1/24 dev scale0 && ip link set scale0 up mtu 1420") != 0) return std::nullopt;

  std::vector<double> read, send, receive, write;
  Buffer sealed(kSegments * kSealed, 0x17);
  std::vector<OutboundDatagram> datagrams;
  for (std::size_t i = 0; i < kSegments && (i + 1) * kSealed < 65'400; ++i) {
    datagrams.push_back({MutableBytes(sealed).subspan(i * kSealed, kSealed)});
  }
  const Path path{.remote = {IpAddress::parse("127.0.0.1").value(), to->port()}};
  path::MessageSlots slots;
  std::array<MutableBytes, 4> buffers{slots[0], slots[1], slots[2], slots[3]};
  std::vector<Datagram> received;
  const auto timed = [](std::vector<double>& samples, double parts, const auto& work) {
    const auto before = thread_ns();
    work();
    samples.push_back((thread_ns() - before) / parts);
  };
  // What the kernel wants to send through the TUN: nobody is there, and nobody has to be.
  auto source = net::open_udp({.address = IpAddress::parse("10.9.0.1").value()});
  const Path through{.remote = {IpAddress::parse("10.9.0.77").value(), 9}};
  std::vector<OutboundDatagram> plain;
  for (std::size_t i = 0; i < kSegments; ++i) plain.push_back({MutableBytes(sealed).subspan(i * kSegment, kSegment)});
  Buffer arena(2 * net::kLargestPacket + 1024);
  const auto [virtio, packet] = super_datagram();
  const offload::Delivery delivery{.virtio = virtio, .pieces = {packet}, .packets = kSegments};

  for (int i = 0; i < rounds; ++i) {
    timed(send, 1, [&] { from->v4->send(path, datagrams); });
    received.clear();
    timed(receive, 1, [&] { to->v4->receive(buffers, received); });
    source->v4->send(through, plain);
    std::vector<net::TunPacket> packets;
    packets.reserve(net::kMostReads);
    timed(read, 1, [&] { tun->read(arena, packets); });
    timed(write, 1, [&] { tun->write({&delivery, 1}); });
  }
  return Costs{
      .tun_read = median(read), .udp_send = median(send), .udp_receive = median(receive), .tun_write = median(write)};
}

}  // namespace adit::bench
