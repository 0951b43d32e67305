// SPDX-License-Identifier: MIT
// Two hosts' data paths with a wire between them, tunnels and cryptography as they are in earnest.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <utility>

#include "packets.h"
#include "path/data_path.h"
#include "path/fake_ports.h"
#include "support.h"

namespace adit::path::test {

using std::chrono_literals::operator""s;
using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::IsEmpty;
using tunnel::DropReason;

struct Host {
  adit::test::SeededRandom random;
  adit::test::SettableWallClock wall_clock;
  FakeTun tun;
  FakeUdp udp;
  std::unique_ptr<crypto::Aead> aead = crypto::make_sodium_aead();
  std::unique_ptr<tunnel::Tunnel> tunnel;
  std::vector<noise::Tai64n> timestamps;
  std::size_t sent_before_timestamp = 0;
  std::optional<DataPath> path;

  explicit Host(std::uint64_t seed) : random(seed) {}
  std::uint64_t drops(DropReason reason) const { return tunnel->status().drops[reason]; }
};

/// As a TCP sender's stack hands it over: 40 bytes of headers, checksum to be finished.
inline std::pair<offload::VirtioHeader, Buffer> super_packet(std::size_t payload, std::uint16_t segment,
                                                             std::uint8_t tos = 0) {
  offload::test::Recipe recipe{.tos = tos, .v4_addresses = {10, 9, 0, 1, 10, 9, 0, 2}, .payload = Buffer(payload)};
  for (std::size_t i = 0; i < payload; ++i) recipe.payload[i] = static_cast<std::uint8_t>(i * 7 + i / 256);
  const auto packet = offload::test::with_partial_checksum(offload::test::build(recipe));
  const offload::VirtioHeader virtio{.flags = offload::VirtioHeader::kNeedsChecksum,
                                     .gso_type = static_cast<std::uint8_t>(offload::GsoType::tcp4),
                                     .header_size = 40,
                                     .segment_size = segment,
                                     .checksum_start = 20,
                                     .checksum_offset = 16};
  return {virtio, packet};
}

inline std::vector<Buffer> cut(std::pair<offload::VirtioHeader, Buffer> super) {
  std::vector<Buffer> packets;
  const auto plan = offload::SplitPlan::make(super.first, super.second).value();
  for (std::size_t i = 0; i < plan.segments(); ++i) {
    const auto packet = plan.write_header(super.second, i);
    packets.emplace_back(packet.begin(), packet.end());
  }
  return packets;
}

class DataPathTest : public ::testing::Test {
 protected:
  DataPathTest() {
    auto key_a = crypto::generate_private_key(a_.random);
    auto key_b = crypto::generate_private_key(b_.random);
    const auto public_a = crypto::public_key_of(key_a);
    const auto public_b = crypto::public_key_of(key_b);
    start(a_, std::move(key_a), public_b);
    start(b_, std::move(key_b), public_a);
    a_.udp.other = &b_.udp;
    b_.udp.other = &a_.udp;
    a_.udp.peer = Endpoint::parse("192.0.2.2:51820").value();
    b_.udp.peer = Endpoint::parse("192.0.2.1:51820").value();
  }

  static void start(Host& host, crypto::PrivateKey key, const crypto::PublicKey& peer) {
    tunnel::Settings settings{.private_key = std::move(key),
                              .peer_key = peer,
                              .preshared_key = {},
                              .allowed_ips = {IpNetwork::parse("10.9.0.0/30").value()}};
    host.tunnel = std::move(*tunnel::Tunnel::make(std::move(settings), host.random, host.wall_clock));
    const auto keep = [&host](const noise::Tai64n& timestamp) {
      host.timestamps.push_back(timestamp);
      host.sent_before_timestamp = host.udp.order.size();
    };
    host.path.emplace(*host.tunnel, *host.aead, host.tun, host.udp, offload::MergeOptions{}, keep);
  }

  /// Until nobody has anything to do.
  void settle() {
    for (bool busy = true; busy;) {
      busy = false;
      for (auto* host : {&a_, &b_}) {
        busy |= host->path->receive(now_).count != 0;
        if (host->path->blocked() == Family::none) busy |= host->path->send(now_).count != 0;
      }
    }
  }
  void connect() {
    a_.path->call(a_.udp.peer, now_);
    settle();
    ASSERT_TRUE(a_.tunnel->has_session(now_));
  }
  /// From host a to host b, told apart by `number`.
  static Buffer packet(std::uint8_t number, std::size_t size = 100) {
    Buffer bytes(size, number);
    bytes[0] = 0x45;
    store_be16(bytes.data() + 2, static_cast<std::uint16_t>(size));
    const std::array<std::uint8_t, 8> addresses{10, 9, 0, 1, 10, 9, 0, 2};
    std::ranges::copy(addresses, bytes.begin() + 12);
    return bytes;
  }
  /// Without leave to cut it, if `flags` do not say otherwise.
  static Buffer tcp_packet(std::size_t size, std::uint8_t flags = 0x40) {
    auto bytes = packet(0, size);
    bytes[6] = flags;
    bytes[7] = 0;
    bytes[9] = 6;
    return bytes;
  }
  static std::vector<Buffer> packets(std::uint8_t first, std::uint8_t count) {
    std::vector<Buffer> list;
    for (std::uint8_t i = 0; i < count; ++i) list.push_back(packet(first + i));
    return list;
  }
  static void offer(Host& host, const std::vector<Buffer>& list) {
    for (const auto& packet : list) host.tun.from_host.emplace_back(offload::VirtioHeader{}, packet);
  }

  Host a_{1};
  Host b_{2};
  Instant now_ = Instant{} + 3600s;
};

}  // namespace adit::path::test
