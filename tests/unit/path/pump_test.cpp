// SPDX-License-Identifier: MIT
// A real interface and real sockets, in a network namespace; the peer is not there.
#include "path/pump.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "namespace.h"
#include "support.h"

namespace adit::path {
namespace {

using std::chrono_literals::operator""ms;
using net::test::in_namespace;
using net::test::run;
using ::testing::HasSubstr;

struct Running {
  Running() {
    tunnel::Settings settings{.private_key = crypto::generate_private_key(random)};
    settings.peer_key = crypto::public_key_of(crypto::generate_private_key(random));
    settings.allowed_ips = {IpNetwork::parse("10.9.0.0/30").value()};
    tunnel = std::move(tunnel::Tunnel::make(std::move(settings), random, wall_clock).value());
    data_path.emplace(*tunnel, *aead, doors.tun_port, doors.udp_port, offload::MergeOptions{},
                      [](const noise::Tai64n&) {});
    pump.emplace(loop, doors, *tunnel, *data_path);
    run("ip addr add 10.9.0.1/24 dev adit0 && ip link set adit0 up");
  }
  /// False: it did not come to that.
  bool turns_until(tunnel::DropReason reason) {
    for (int turns = 0; turns < 1000 && tunnel->status().drops[reason] == 0; ++turns) EXPECT_TRUE(turn());
    return tunnel->status().drops[reason] != 0;
  }
  Result<> turn() {
    loop.run_once(100ms);
    auto done = pump->move(loop.now());
    pump->plan();
    return done;
  }

  test::SeededRandom random{8};
  test::SettableWallClock wall_clock;
  net::EventLoop loop;
  std::unique_ptr<crypto::Aead> aead = crypto::make_sodium_aead();
  Doors doors{net::TunDevice::open({.name = "adit0"}).value(), net::open_udp({.port = 51820}).value()};
  std::unique_ptr<tunnel::Tunnel> tunnel;
  std::optional<DataPath> data_path;
  std::optional<Pump> pump;
};

TEST(Pump, WhatTheInterfaceAndTheSocketsHaveIsMoved) {
  in_namespace([] {
    Running running;
    run("ping -c 1 -W 1 10.9.0.200 >/dev/null || true");
    run("bash -c 'echo garbage >/dev/udp/127.0.0.1/51820'");
    EXPECT_TRUE(running.turns_until(tunnel::DropReason::disallowed_destination));
    EXPECT_TRUE(running.turns_until(tunnel::DropReason::malformed));
  });
}

TEST(Pump, BesideTheLoopSomebodyIsAskedBetweenTheWaitAndThePackets) {
  in_namespace([] {
    Running running;
    run("ping -c 1 -W 1 10.9.0.200 >/dev/null || true");
    const auto dropped = [&] { return running.tunnel->status().drops[tunnel::DropReason::disallowed_destination]; };
    std::vector<std::uint64_t> seen;
    running.pump->move_meanwhile(1000ms, [&] { seen.push_back(dropped()); });
    EXPECT_THAT(seen, ::testing::ElementsAre(0U));
    EXPECT_NE(dropped(), 0U);
  });
}

TEST(Pump, SaysHowManyWorkersThereAreAndPacketsPassWithAnyNumber) {
  in_namespace([] {
    Running running;
    for (const std::size_t count : {3, 1, 2}) {
      EXPECT_EQ(running.pump->set_workers({.count = count}, running.loop.now()).count, count);
      const auto before = running.tunnel->status().drops[tunnel::DropReason::malformed];
      run("bash -c 'echo garbage >/dev/udp/127.0.0.1/51820'");
      for (int turns = 0; turns < 1000 && running.tunnel->status().drops[tunnel::DropReason::malformed] == before;
           ++turns) {
        EXPECT_TRUE(running.turn());
      }
      EXPECT_EQ(running.tunnel->status().drops[tunnel::DropReason::malformed], before + 1) << count;
    }
  });
}

TEST(Pump, AnInterfaceThatSomebodyTookAwayIsSaidInASentence) {
  in_namespace([] {
    Running running;
    run("ip link delete adit0");
    Result<> done;
    for (int turns = 0; turns < 1000 && done; ++turns) done = running.turn();
    ASSERT_FALSE(done);
    EXPECT_THAT(done.error().message, HasSubstr("the interface adit0 was removed while in use"));
  });
}

TEST(Pump, SocketsThatAreReplacedAreWatchedInstead) {
  in_namespace([] {
    Running running;
    running.pump->unwatch_sockets();
    running.doors.sockets = {};
    running.doors.sockets = net::open_udp({.port = 4000}).value();
    running.pump->watch_sockets();
    run("bash -c 'echo garbage >/dev/udp/127.0.0.1/4000'");
    EXPECT_TRUE(running.turns_until(tunnel::DropReason::malformed));
  });
}

}  // namespace
}  // namespace adit::path
