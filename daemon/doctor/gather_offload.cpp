// SPDX-License-Identifier: MIT
// The offloads, tried for real but where nobody sees it: in a network namespace that lives as long as one thread.
#include <poll.h>
#include <sched.h>

#include <algorithm>
#include <cerrno>
#include <thread>
#include <vector>

#include "doctor/gather.h"
#include "net/netlink_link.h"
#include "net/tun_device.h"
#include "net/udp_socket.h"

namespace adit::doctor {
namespace {

constexpr std::size_t kDatagrams = 8;
constexpr std::size_t kSize = 1200;
constexpr int kPollPatience = 1000;  // ms
constexpr std::uint32_t kLoopback = 1;

/// All that arrive within the time, as they came.
std::vector<std::uint8_t> receive(net::UdpSocket& socket, std::size_t wanted, bool& alike) {
  std::vector<std::uint8_t> all;
  std::vector<std::uint8_t> storage(net::kMaxDatagram);
  const MutableBytes buffer(storage);
  while (all.size() < wanted) {
    pollfd ready{.fd = socket.fd(), .events = POLLIN, .revents = 0};
    if (::poll(&ready, 1, kPollPatience) <= 0) break;
    std::vector<Datagram> datagrams;
    if (socket.receive({&buffer, 1}, datagrams).error != 0) break;
    for (const auto& each : datagrams) {
      alike &= each.bytes.size() == kSize;
      all.insert(all.end(), each.bytes.begin(), each.bytes.end());
    }
  }
  return all;
}

/// A run of datagrams to ourselves, in one piece if the kernel can.
void try_udp(OffloadTest& test) {
  const auto loopback = IpAddress::parse("127.0.0.1").value_or(IpAddress());
  auto socket = net::UdpSocket::open({.family = Family::v4, .address = loopback});
  if (!socket) return;
  std::vector<std::uint8_t> sent(kDatagrams * kSize);
  for (std::size_t i = 0; i < sent.size(); ++i) sent[i] = static_cast<std::uint8_t>(i * 31 / 7);
  std::vector<OutboundDatagram> datagrams;
  for (std::size_t i = 0; i < kDatagrams; ++i) datagrams.push_back({Bytes(sent).subspan(i * kSize, kSize)});
  const Path path{.remote = {.address = loopback, .port = socket->local_port()}};
  if (socket->send(path, datagrams).sent != kDatagrams) return;
  bool alike = true;
  test.delivered = receive(*socket, sent.size(), alike) == sent && alike;
  test.udp_send = socket->segments();
  test.udp_receive = socket->merges();
}

void try_all(OffloadTest& test) {
  if (::unshare(CLONE_NEWNET) != 0) {
    test.why_not = "only root may try them (in a network namespace of its own)";
    return;
  }
  auto netlink = net::Netlink::open();
  if (!netlink || !net::change_link(*netlink, kLoopback, {.up = true})) {
    test.why_not = "the network namespace to try them in cannot be set up";
    return;
  }
  try_udp(test);
  const auto device = net::TunDevice::open({.name = "offloads"});
  if (!device) {
    test.why_not = device.error().message;
    return;
  }
  test.tun_tcp = device->offloads().tcp;
  test.tun_udp = device->offloads().udp;
}

}  // namespace

OffloadTest test_offloads() {
  OffloadTest test;
  std::thread([&test] { try_all(test); }).join();
  return test;
}

}  // namespace adit::doctor
