// SPDX-License-Identifier: MIT
// A real interface in a network namespace of its own, with an uplink that comes and goes; the peer is not there.
//
//   adit0 (10.9.0.1/30) ── aditd's parts ── up0 (192.0.2.1/24) ── far0, where nobody listens
#include "link/upkeep.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <sched.h>

#include <cstdlib>
#include <functional>
#include <sstream>
#include <thread>

#include "base/or_throw.h"
#include "recorded_log.h"
#include "support.h"
#include "temporary_directory.h"

namespace adit::link {
namespace {

using std::chrono_literals::operator""s;
using std::chrono_literals::operator""ms;
using ::testing::HasSubstr;
using ::testing::Not;

const Endpoint kPeer = Endpoint::parse("192.0.2.7:51820").value();

void run(const std::string& command) {
  EXPECT_EQ(std::system(command.c_str()), 0) << command;
}

class NoPackets final : public path::PacketPort {
 public:
  net::IoResult read(MutableBytes, std::vector<net::TunPacket>&) override { return {}; }
  net::IoResult write(std::span<const offload::Delivery> deliveries, const Refused&) override {
    return {.count = deliveries.size()};
  }
  std::uint64_t take_truncated() override { return 0; }
};

class CountedDatagrams final : public path::DatagramPort {
 public:
  net::IoResult receive(std::span<const MutableBytes>, std::vector<Datagram>&) override { return {}; }
  net::SendResult send(const Path& path, std::span<const OutboundDatagram> datagrams) override {
    from = path.local;
    if (path.remote == unreachable) return {.refused = datagrams.size(), .error = ENETUNREACH};
    if (error != 0) return {.refused = datagrams.size(), .error = error};
    sent += datagrams.size();
    return {.sent = datagrams.size()};
  }
  int send_whole(const Path&, const OutboundDatagram&) override { return 0; }
  net::LostDatagrams take_lost() override { return {}; }
  std::size_t sent = 0;
  IpAddress from;  ///< of the last ones
  int error = 0;
  Endpoint unreachable;  ///< ENETUNREACH for what is to go there
};

config::Config configuration() {
  config::Config config;
  config.name = "office";
  config.interface.name = "adit0";
  config.interface.addresses = {IpNetwork::parse("10.9.0.1/30").value()};
  return config;
}

/// All that Upkeep keeps up, in the namespace of the thread that makes it.
struct Link {
  explicit Link(config::Config chosen) : config(std::move(chosen)) {
    tunnel::Settings settings{.private_key = crypto::generate_private_key(random)};
    tunnel::Settings settings_of_peer{.private_key = crypto::generate_private_key(random)};
    settings.peer_key = crypto::public_key_of(settings_of_peer.private_key);
    settings_of_peer.peer_key = crypto::public_key_of(settings.private_key);
    peer = or_throw(tunnel::Tunnel::make(std::move(settings_of_peer), random, wall_clock));
    tunnel = or_throw(tunnel::Tunnel::make(std::move(settings), random, wall_clock));
    data_path.emplace(*tunnel, *aead, packets, datagrams, offload::MergeOptions{}, [](const noise::Tai64n&) {});
    caller.emplace(
        loop, random, log, CallerOptions{},
        Caller::Phone{[] { return Endpoints::Line{}; }, [](const Endpoint&) {}, [](const Endpoints::Try&) {}});
    store.load();
    upkeep.emplace(Upkeep::Parts{.config = config,
                                 .interface = device.index(),
                                 .loop = loop,
                                 .wall_clock = wall_clock,
                                 .log = log,
                                 .event_log = event_log,
                                 .tunnel = *tunnel,
                                 .data_path = *data_path,
                                 .host = host,
                                 .caller = *caller,
                                 .store = store,
                                 .told = [this](const Health& health) { told = health; }});
  }

  void call(const Endpoint& endpoint) {
    data_path->call(endpoint, now);
    upkeep->called();
    tell_events();
  }
  /// The peer calls from kPeer, at this address of ours.
  void called_at(const IpAddress& address) {
    tunnel::Outbox calls;
    tunnel::Outbox answers;
    tunnel::InboundBatch batch;
    peer->set_endpoint({address, 51820}, now, calls);
    const Path path{.remote = kPeer, .local = address, .interface = if_nametoindex("up0")};
    auto& first = calls.handshakes.at(0);
    const Datagram initiation{.path = path, .bytes = MutableBytes(first.buffer).first(first.size)};
    tunnel->classify({&initiation, 1}, now, batch, answers);
    upkeep->called();
    look_after(2s);
  }
  void tell_events() {
    std::vector<tunnel::Event> events;
    data_path->take_events(events);
    for (const auto& event : events) upkeep->event(event, now);
  }
  const Health& look_after(Duration time) {
    now += time;
    return upkeep->look(now);
  }
  std::size_t datagrams_sent_by_change(const net::NetworkChange& change, Duration later) {
    const auto before = datagrams.sent;
    now += later;
    upkeep->network_changed(change, now);
    tell_events();
    return datagrams.sent - before;
  }

  config::Config config;
  test::TemporaryDirectory directory;
  adit::test::SeededRandom random{5};
  adit::test::SettableWallClock wall_clock;
  test::RecordedLog log;
  EventLog event_log{log};
  std::unique_ptr<crypto::Aead> aead = crypto::make_sodium_aead();
  net::EventLoop loop;
  Instant now = loop.now();
  net::TunDevice device = or_throw(net::TunDevice::open({.name = "adit0"}));
  host::HostSetup host{config, device, 1420};
  service::StateStore store{directory.path() / "office", "boot"};
  NoPackets packets;
  CountedDatagrams datagrams;
  Health told;
  std::unique_ptr<tunnel::Tunnel> tunnel;
  std::unique_ptr<tunnel::Tunnel> peer;
  std::optional<path::DataPath> data_path;
  std::optional<Caller> caller;
  std::optional<Upkeep> upkeep;
};

/// Calls `body` with the parts of a link in a namespace that has an uplink.
void with_link(config::Config config, const std::function<void(Link&)>& body) {
  std::thread thread([&] {
    if (unshare(CLONE_NEWNET) != 0) {
      ADD_FAILURE() << "cannot make a network namespace: run the tests as root";
      return;
    }
    try {
      run("ip link add up0 mtu 1400 type veth peer name far0 && ip link set far0 up && "
          "ip address add 192.0.2.1/24 dev up0 && ip link set up0 up");
      Link link(std::move(config));
      body(link);
    } catch (const std::exception& error) {
      ADD_FAILURE() << error.what();
    }
  });
  thread.join();
}

const net::NetworkChange kRoutesChanged{.routes = true};
const net::NetworkChange kAllChanged{.addresses = true, .routes = true, .overrun = true};
const IpAddress kSecond = IpAddress::parse("192.0.2.3").value();

TEST(Upkeep, TheMtuFollowsTheWayToThePeer) {
  with_link(configuration(), [](Link& link) {
    EXPECT_EQ(link.host.mtu(), 1420U);
    link.call(kPeer);
    link.look_after(1s);
    EXPECT_EQ(link.host.mtu(), 1340U);
    run("ip link show dev adit0 | grep -q 'mtu 1340 '");
    run("ip link set up0 mtu 1300");
    link.upkeep->network_changed(kRoutesChanged, link.now);
    link.look_after(1s);
    EXPECT_EQ(link.host.mtu(), 1240U);
  });
}

/// Datagrams leave by that one, wherever the routes of others lead to the peer: even into the tunnel, as a routing
/// daemon or a hook may have it.
TEST(Upkeep, TheWayIsThatOfTheInterfaceTheSocketsAreBoundTo) {
  auto config = configuration();
  config.local.device = "up0";
  with_link(std::move(config), [](Link& link) {
    run("ip link add up1 mtu 1300 type veth peer name far1 && ip link set far1 up && "
        "ip address add 198.51.100.1/24 dev up1 && ip link set up1 up && ip route add 192.0.2.7/32 dev up1");
    link.call(kPeer);
    link.look_after(1s);
    EXPECT_EQ(link.host.mtu(), 1340U);
    run("ip route replace 192.0.2.7/32 dev adit0");
    link.upkeep->network_changed(kRoutesChanged, link.now);
    EXPECT_EQ(link.look_after(2s).state, State::connecting);
    EXPECT_FALSE(link.upkeep->led_into_itself());
  });
}

/// Padding never goes past it, so the machine must know.
TEST(Upkeep, TheMachineHearsOfTheMtu) {
  with_link(configuration(), [](Link& link) {
    run("ip link set up0 mtu 1305");
    link.call(kPeer);
    link.look_after(1s);
    EXPECT_EQ(link.host.mtu(), 1245U);
    EXPECT_EQ(link.tunnel->mtu(), 1245U);
    EXPECT_EQ(link.upkeep->path().size, 1245U);
  });
}

/// The interface must take 1,280 bytes for IPv6, and the way has room for less: what the machine is told of both.
TEST(Upkeep, AWayTooNarrowForIpv6IsToldToTheMachineAndBeside) {
  auto config = configuration();
  config.interface.addresses.push_back(IpNetwork::parse("fd09::1/126").value());
  with_link(std::move(config), [](Link& link) {
    run("ip link set up0 mtu 1305");
    link.call(kPeer);
    link.look_after(1s);
    EXPECT_EQ(link.host.mtu(), 1280U);
    EXPECT_EQ(link.tunnel->mtu(), 1280U);
    EXPECT_EQ(link.tunnel->way_size(), 1245U);
    EXPECT_THAT(link.log.text(), HasSubstr("has room for 1245 bytes inside, and the interface must take 1280"));
    run("ip link set up0 mtu 1400");
    link.upkeep->network_changed(kRoutesChanged, link.now);
    link.look_after(1s);
    EXPECT_EQ(link.host.mtu(), 1340U);
    EXPECT_EQ(link.tunnel->way_size(), 0U);
  });
}

/// The bridge that the interface is in takes its MTU, and has addresses of its own.
TEST(Upkeep, AWayTooNarrowForTheIpv6OfABridgeIsPassedInFragments) {
  auto config = configuration();
  config.interface.mode = config::Mode::tap;
  config.interface.tap.ours = IpAddress::parse("169.254.0.1").value();
  config.interface.tap.peers = IpAddress::parse("169.254.0.2").value();
  with_link(std::move(config), [](Link& link) {
    const auto& tap = link.config.interface.tap;
    link.tunnel->set_ethernet(wire::GreEnds{tap.ours, tap.peers});
    run("ip link set up0 mtu 1340");
    link.call(kPeer);
    link.look_after(1s);
    EXPECT_EQ(link.host.mtu(), 1280U);
    EXPECT_EQ(link.tunnel->mtu(), 1280U + 42);
    EXPECT_EQ(link.tunnel->way_size(), 1280U);
    EXPECT_THAT(link.log.text(), HasSubstr("room for frames of 1238 bytes: larger ones are sent in fragments"));
    run("ip link set up0 mtu 1400");
    link.upkeep->network_changed(kRoutesChanged, link.now);
    link.look_after(1s);
    EXPECT_EQ(link.host.mtu(), 1340U - 42);
    EXPECT_EQ(link.tunnel->way_size(), 0U);
  });
}

/// The kernel had more to say than there was room for: anything may have changed.
TEST(Upkeep, NewsThatWereLostCountAsNewsOfAll) {
  auto config = configuration();
  config.routes = {{.to = IpNetwork::parse("10.20.0.0/16").value()}};
  with_link(std::move(config), [](Link& link) {
    link.call(kPeer);
    link.look_after(2s);
    run("ip route del 10.20.0.0/16 dev adit0 && ip link set up0 mtu 1300");
    EXPECT_EQ(link.datagrams_sent_by_change({.overrun = true}, 10s), 1U) << "the peer is called again";
    run("ip route show 10.20.0.0/16 | grep -q adit0");
    link.look_after(1s);
    EXPECT_EQ(link.host.mtu(), 1240U);
    EXPECT_EQ(link.upkeep->put_back().times, 1U);
    EXPECT_EQ(link.upkeep->put_back().what, std::vector<std::string>{"the route 10.20.0.0/16"});
  });
}

TEST(Upkeep, WhoeverReportsTheStateHearsItWithItsReason) {
  with_link(configuration(), [](Link& link) {
    link.look_after(1s);
    EXPECT_EQ(link.told.state, State::waiting);
    link.call(kPeer);
    link.look_after(1s);
    EXPECT_EQ(link.told.state, State::connecting);
    EXPECT_THAT(link.told.reason, HasSubstr("192.0.2.7:51820"));
  });
}

TEST(Upkeep, WithoutAWayTheMtuStays) {
  with_link(configuration(), [](Link& link) {
    link.call(kPeer);
    link.look_after(1s);
    run("ip link set up0 down");
    link.upkeep->network_changed(kRoutesChanged, link.now);
    link.look_after(1s);
    EXPECT_EQ(link.host.mtu(), 1340U);
  });
}

TEST(Upkeep, AnMtuOfTheUsersChoiceIsLeftAlone) {
  auto config = configuration();
  config.interface.mtu = 1420;
  with_link(std::move(config), [](Link& link) {
    link.call(kPeer);
    link.look_after(1s);
    EXPECT_EQ(link.host.mtu(), 1420U);
  });
}

/// As when two hosts have the peer's key; but the moves between its endpoints are also ours.
TEST(Upkeep, AnEndpointThatJumpsIsToldOfWhereWeDidNotChooseIt) {
  for (const bool chosen : {true, false}) {
    with_link(configuration(), [&](Link& link) {
      if (chosen) {
        link.call(kPeer);
      } else {
        link.called_at(IpAddress::parse("192.0.2.1").value());
      }
      const auto other = Endpoint::parse("198.51.100.9:4000").value();
      for (int i = 0; i < 6; ++i) {
        const auto& from = i % 2 == 0 ? kPeer : other;
        const auto& to = i % 2 == 0 ? other : kPeer;
        link.upkeep->event(tunnel::HandshakeCompleted{noise::Role::responder, to, 1ms}, link.now);
        link.upkeep->event(tunnel::EndpointMoved{from, to}, link.now);
      }
      const auto seen = link.upkeep->observations().list();
      const bool told = std::ranges::any_of(seen, [](const auto& each) { return each.kind == "endpoint_jumps"; });
      EXPECT_EQ(told, !chosen);
    });
  }
}

TEST(Upkeep, AWayIntoTheTunnelItselfIsAFailureUntilItIsGone) {
  with_link(configuration(), [](Link& link) {
    link.call(Endpoint::parse("10.9.0.2:51820").value());
    EXPECT_EQ(link.look_after(1s).state, State::failed);
    EXPECT_THAT(link.look_after(1s).reason, HasSubstr("leads into the tunnel itself"));
    EXPECT_TRUE(link.upkeep->led_into_itself());
    link.call(kPeer);
    EXPECT_FALSE(link.upkeep->led_into_itself()) << "nothing that goes elsewhere is held up";
    EXPECT_EQ(link.look_after(1s).state, State::connecting);
  });
}

TEST(Upkeep, AnAddressThatCannotBePutBackIsAFailureThatLeavesTheSessionAlone) {
  auto config = configuration();
  config.interface.addresses.push_back(IpNetwork::parse("fd09::1/126").value());
  with_link(std::move(config), [](Link& link) {
    link.call(kPeer);
    link.look_after(1s);
    run("echo 1 > /proc/sys/net/ipv6/conf/adit0/disable_ipv6");
    link.upkeep->network_changed({.addresses = true}, link.now);
    const auto health = link.look_after(1s);
    EXPECT_EQ(health.state, State::failed);
    EXPECT_THAT(health.reason, HasSubstr("IPv6 is switched off"));
    EXPECT_EQ(health.session, State::connecting);
    link.call(Endpoint::parse("10.9.0.2:51820").value());
    EXPECT_EQ(link.look_after(1s).session, State::failed) << "nothing can be sent there";
  });
}

TEST(Upkeep, AnotherWayToThePeerIsTriedAtOnce) {
  with_link(configuration(), [](Link& link) {
    link.call(kPeer);
    link.look_after(2s);
    run("ip link add up1 type veth peer name far1 && ip link set far1 up && "
        "ip address add 198.51.100.1/24 dev up1 && ip link set up1 up && "
        "ip route add 192.0.2.7/32 dev up1");
    EXPECT_EQ(link.datagrams_sent_by_change(kRoutesChanged, 1s), 1U);
  });
}

TEST(Upkeep, AHandshakeJustSentGetsAMomentToBeAnswered) {
  with_link(configuration(), [](Link& link) {
    link.call(kPeer);
    link.look_after(2s);
    run("ip link set up0 down");
    link.data_path->retry_now(link.now);
    link.tell_events();
    EXPECT_EQ(link.datagrams_sent_by_change(kRoutesChanged, 100ms), 0U);
    link.look_after(1s);
    EXPECT_EQ(link.datagrams.sent, 3U) << "the call, the retry, and the one that waited";
  });
}

TEST(Upkeep, OtherPeoplesRoutesMakeItCallNowAndThenOnly) {
  with_link(configuration(), [](Link& link) {
    link.call(kPeer);
    link.look_after(2s);
    std::size_t sent = 0;
    for (int i = 0; i < 100; ++i) sent += link.datagrams_sent_by_change(kRoutesChanged, 500ms);
    EXPECT_GE(sent, 5U);
    EXPECT_LE(sent, 50U / 5U);
  });
}

/// The other address may not be let through to the peer, or not be known there.
TEST(Upkeep, WhatIsNewElsewhereLeavesTheAddressThatThePeerCalled) {
  with_link(configuration(), [](Link& link) {
    run("ip address add 192.0.2.3/24 dev up0");
    link.called_at(kSecond);
    for (int i = 0; i < 3; ++i) {
      run("ip link add other0 type veth peer name other1 && ip link set other0 up && ip link del other0");
      EXPECT_EQ(link.datagrams_sent_by_change(kAllChanged, 10s), 1U);
      EXPECT_EQ(link.datagrams.from, kSecond);
    }
  });
}

/// As with each new temporary address of IPv6.
TEST(Upkeep, AnotherSourceOnTheSameInterfaceLeavesTheAddressThatThePeerCalled) {
  with_link(configuration(), [](Link& link) {
    run("ip address add 192.0.2.3/24 dev up0");
    link.called_at(kSecond);
    run("ip route add 192.0.2.7/32 dev up0 src 192.0.2.3");
    EXPECT_EQ(link.datagrams_sent_by_change(kAllChanged, 2s), 1U) << "the peer is told of it, at once";
    EXPECT_EQ(link.datagrams.from, kSecond);
  });
}

TEST(Upkeep, AnAddressThatIsGoneIsKeptToNoMore) {
  with_link(configuration(), [](Link& link) {
    run("ip address add 192.0.2.3/24 dev up0");
    link.called_at(kSecond);
    run("ip address del 192.0.2.3/24 dev up0");
    EXPECT_EQ(link.datagrams_sent_by_change(kAllChanged, 10s), 1U);
    EXPECT_EQ(link.datagrams.from, IpAddress());
  });
}

/// The route to the peer, by another interface, is what it was.
TEST(Upkeep, AnInterfaceThatThePeerCannotCallByLeavesUsFree) {
  for (const auto* const without : {"ip link set far0 down", "ip link set up0 down", "ip link del up0"}) {
    with_link(configuration(), [without](Link& link) {
      run("ip address add 192.0.2.3/32 dev lo && ip link set lo up && ip link add up1 type veth peer name far1 && "
          "ip address add 198.51.100.1/24 dev up1 && ip link set up1 up && ip link set far1 up && "
          "ip route add 192.0.2.7/32 dev up1");
      link.called_at(kSecond);
      run(without);
      EXPECT_EQ(link.datagrams_sent_by_change(kAllChanged, 10s), 1U) << without;
      EXPECT_EQ(link.datagrams.from, IpAddress()) << without;
    });
  }
}

TEST(Upkeep, AnotherWayToThePeerMayWantAnotherSource) {
  with_link(configuration(), [](Link& link) {
    run("ip address add 192.0.2.3/24 dev up0");
    link.called_at(kSecond);
    run("ip link add up1 type veth peer name far1 && ip address add 198.51.100.1/24 dev up1 && ip link set up1 up && "
        "ip link set far1 up && ip route add 192.0.2.7/32 dev up1");
    EXPECT_EQ(link.datagrams_sent_by_change(kAllChanged, 10s), 1U);
    EXPECT_EQ(link.datagrams.from, IpAddress());
  });
}

/// The way to a peer that moved is another one without the network being so.
TEST(Upkeep, AMoveOfThePeerIsNoneOfTheNetwork) {
  with_link(configuration(), [](Link& link) {
    run("ip address add 192.0.2.3/24 dev up0 && ip link add up1 type veth peer name far1 && "
        "ip address add 198.51.100.1/24 dev up1 && ip link set up1 up && ip link set far1 up");
    link.call(Endpoint::parse("198.51.100.7:51820").value());
    link.look_after(2s);
    link.called_at(kSecond);
    EXPECT_EQ(link.datagrams_sent_by_change(kAllChanged, 10s), 1U);
    EXPECT_EQ(link.datagrams.from, kSecond);
  });
}

TEST(Upkeep, ChangesOfTheInterfaceItselfAreNoNews) {
  with_link(configuration(), [](Link& link) {
    link.call(kPeer);
    link.look_after(2s);
    const net::NetworkChange ours{.links_up = {link.device.index()}};
    for (int i = 0; i < 20; ++i) EXPECT_EQ(link.datagrams_sent_by_change(ours, 1s), 0U);
  });
}

TEST(Upkeep, AnInterfaceThatWasDownGetsItsRoutesBack) {
  auto config = configuration();
  config.routes = {{.to = IpNetwork::parse("10.20.0.0/16").value()}};
  with_link(std::move(config), [](Link& link) {
    run("ip link set adit0 down && ! ip route show 10.20.0.0/16 | grep -q adit0");
    link.upkeep->network_changed({.links_down = {link.device.index()}}, link.now);
    EXPECT_EQ(link.look_after(1s).state, State::failed);
    EXPECT_EQ(link.look_after(1s).reason, "the interface adit0 is down: `ip link set adit0 up` brings it back");
    run("ip link set adit0 up");
    link.upkeep->network_changed({.links_up = {link.device.index()}}, link.now);
    run("ip route show 10.20.0.0/16 | grep -q adit0");
    EXPECT_EQ(link.look_after(1s).state, State::waiting);
  });
}

TEST(Upkeep, ARouteThatSomebodyElseHasNowIsNamedAndComesBackWhenItIsFree) {
  auto config = configuration();
  config.routes = {{.to = IpNetwork::parse("10.20.0.0/16").value()}};
  with_link(std::move(config), [](Link& link) {
    run("ip link set adit0 down && ip route add 10.20.0.0/16 dev up0 && ip link set adit0 up");
    link.upkeep->network_changed({.links_up = {link.device.index()}, .links_down = {link.device.index()}}, link.now);
    EXPECT_EQ(link.look_after(1s).state, State::waiting);
    EXPECT_THAT(link.log.text(), HasSubstr("the route 10.20.0.0/16 is there already, by way of up0"));
    run("ip route del 10.20.0.0/16 dev up0");
    link.upkeep->network_changed(
        {.routes = true, .routes_of_others = {{IpNetwork::parse("10.20.0.0/16").value(), 254}}}, link.now);
    link.look_after(1s);
    run("ip route show 10.20.0.0/16 | grep -q adit0");
  });
}

TEST(Upkeep, WhatOthersTakeAwayIsPutBackUntilItIsAFight) {
  auto config = configuration();
  config.routes = {{.to = IpNetwork::parse("0.0.0.0/0").value()}};
  with_link(std::move(config), [](Link& link) {
    const auto taken_away = [&link] {
      run("ip rule del pref 32701");
      link.upkeep->network_changed({.taken_away = true, .taken_away_by = static_cast<std::uint32_t>(getpid())},
                                   link.now);
      return link.look_after(1s).state;
    };
    for (std::size_t i = 1; i < Guard::kFightLimit; ++i) {
      EXPECT_EQ(taken_away(), State::waiting);
      run("ip rule | grep -q 32701");
    }
    EXPECT_THAT(link.log.text(), HasSubstr("link_tests (process"));
    EXPECT_THAT(link.log.text(), HasSubstr("it was put back: the IPv4 rule 32701"));
    EXPECT_EQ(taken_away(), State::failed);
    EXPECT_THAT(link.upkeep->look(link.now).reason, HasSubstr("link_tests (process"));
    EXPECT_EQ(taken_away(), State::failed);
    run("ip rule | grep -q 32701");  // at leisure
    EXPECT_EQ(link.look_after(Guard::kLeisure).state, State::waiting) << "nobody takes it away any more";
  });
}

TEST(Upkeep, AStateIsToldWhenItBegins) {
  with_link(configuration(), [](Link& link) {
    EXPECT_EQ(link.look_after(1s).state, State::waiting);
    const auto began = link.upkeep->since();
    link.wall_clock.time += 60s;
    link.look_after(60s);
    EXPECT_EQ(link.upkeep->since(), began);
    link.call(kPeer);
    EXPECT_EQ(link.look_after(1s).state, State::connecting);
    EXPECT_EQ(link.upkeep->since(), link.wall_clock.now());
    link.look_after(1s);
    const auto log = link.log.text();
    EXPECT_EQ(log.find("the link is connecting"), log.rfind("the link is connecting"));
    EXPECT_EQ(log.find("the link is waiting"), log.rfind("the link is waiting"));
    EXPECT_THAT(log, HasSubstr("the link is waiting"));
  });
}

TEST(Upkeep, WhyNothingCanBeSentIsPartOfTheReason) {
  with_link(configuration(), [](Link& link) {
    link.datagrams.error = ENETUNREACH;
    link.call(kPeer);
    EXPECT_THAT(link.look_after(1s).reason, HasSubstr("ENETUNREACH"));
    EXPECT_THAT(link.log.text(), HasSubstr("cannot send to 192.0.2.7:51820"));
  });
}

TEST(Upkeep, AnotherEndpointThatNothingCanBeSentToIsNamedOnceAndIsNoReason) {
  with_link(configuration(), [](Link& link) {
    link.call(kPeer);
    link.datagrams.unreachable = Endpoint::parse("[2001:db8::7]:51820").value();
    for (int tries = 0; tries < 3; ++tries) {
      link.tunnel->try_also(link.datagrams.unreachable, true);
      link.data_path->tick(link.now);
      EXPECT_THAT(link.look_after(11s).reason, Not(HasSubstr("could not be sent")));
    }
    const auto log = link.log.text();
    EXPECT_THAT(log, HasSubstr("cannot send to [2001:db8::7]:51820"));
    EXPECT_EQ(log.find("cannot send to"), log.rfind("cannot send to"));
    const auto seen = link.upkeep->observations().list();
    ASSERT_EQ(seen.size(), 1U);
    EXPECT_EQ(seen[0].from, link.datagrams.unreachable);
    EXPECT_EQ(seen[0].count, 3U);
  });
}

TEST(Upkeep, WhereThePeerIsFoundIsRememberedButNotAtEveryStep) {
  with_link(configuration(), [](Link& link) {
    const auto saved = [&link] {
      return service::StateStore(link.directory.path() / "office", "").read().endpoint_of(link.tunnel->peer_key());
    };
    // The writer may take longer than anybody waits for it, on a busy machine.
    const auto becomes = [&saved](const Endpoint& endpoint) {
      for (int tries = 0; tries < 3000 && saved() != endpoint; ++tries) std::this_thread::sleep_for(10ms);
      return saved() == endpoint;
    };
    const auto other = Endpoint::parse("198.51.100.9:4000").value();
    link.upkeep->event(tunnel::HandshakeCompleted{noise::Role::initiator, kPeer, 1ms}, link.now);
    link.look_after(1s);
    EXPECT_TRUE(becomes(kPeer));
    link.upkeep->event(tunnel::EndpointMoved{kPeer, other}, link.now);
    link.look_after(1s);
    EXPECT_EQ(saved(), kPeer);
    link.look_after(5s);
    EXPECT_TRUE(becomes(other));
    link.upkeep->event(tunnel::EndpointMoved{other, kPeer}, link.now);
    link.upkeep.reset();
    EXPECT_TRUE(becomes(kPeer)) << "at the end what is new is kept, too";
  });
}

}  // namespace
}  // namespace adit::link
