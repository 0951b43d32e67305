// SPDX-License-Identifier: MIT
#include "app/successor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <string_view>

#include "app/inheritance.h"
#include "config/reader.h"
#include "namespace.h"
#include "recorded_log.h"

namespace adit::app {
namespace {

using net::test::in_namespace;
using net::test::run;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kFile =
    "interface: {name: adit0, addresses: [10.9.0.1/30]}\n"
    "local: {private_key: GOfNPrsOiJc+/tzUWFlCvSWWD0oGHcYGZKSfXGQ8FmU=, listen: '127.0.0.1:51820'}\n"
    "peer: {public_key: ZID6dR9B0vJ1yz2mMW0kKxVV+rydUx/le+gJJievAD4=, endpoint: '192.0.2.7:51820'}\n";
/// Of another interface, which needs all of it anew.
constexpr const char* kFrames = "interface: {name: adit0, mode: tap";

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  return text.replace(text.find(from), from.size(), to);
}

config::Config read(const std::string& text) {
  return std::move(config::read_config_text(text, "office.yaml", {}).value());
}

std::string in_bridge(const std::string& name) {
  return replaced(kFile, "interface: {name: adit0, addresses: [10.9.0.1/30]", kFrames + (", bridge: " + name));
}

/// A link with the file above, and what it can know of a run with another one.
struct Running {
  explicit Running(const std::string& file = kFile) : config(read(file)) {}
  bool keeps(std::string_view from, std::string_view to) {
    return keeps_interface(read(replaced(kFile, from, to)), config, *doors, host);
  }
  /// Empty: the run can have what it needs.
  std::string problem(const std::string& next) {
    const auto file = read(next);
    const auto done = check_successor(file, config, *doors, keeps_interface(file, config, *doors, host));
    return done ? std::string() : done.error().message;
  }
  std::string problem_of_frames(std::string_view more, std::string_view listen = "127.0.0.1:51820") {
    const auto frames = replaced(kFile, "interface: {name: adit0", std::string(kFrames).append(more));
    return problem(replaced(frames, "127.0.0.1:51820", listen));
  }
  std::string problem_of_bridge(const std::string& name) { return problem(in_bridge(name)); }

  test::RecordedLog log;
  config::Config config;
  std::unique_ptr<path::Doors> doors = Inheritance().open_doors(config, log);
  host::HostSetup host{config, doors->device, 1400};
};

TEST(KeepsInterface, WhoeverWantsTheSameOne) {
  in_namespace([] {
    Running running;
    EXPECT_TRUE(running.keeps("10.9.0.1/30", "10.9.0.2/30"));
    EXPECT_FALSE(running.keeps("name: adit0", "name: adit0, mode: tap"));
    EXPECT_FALSE(running.keeps("name: adit0", "name: adit1"));
    EXPECT_FALSE(running.keeps("name: adit0", "name: adit0, netns: container"));
  });
}

TEST(KeepsInterface, NobodyWhoseInterfaceIsCalledOtherwiseByNow) {
  in_namespace([] {
    Running running;
    run("ip link set adit0 down; ip link set adit0 name other");
    EXPECT_FALSE(running.keeps("", ""));
    EXPECT_TRUE(running.keeps("name: adit0", "name: other"));
  });
}

TEST(KeepsInterface, WhereverItIsUnlessTheHostsDefaultRouteIsToLeadThere) {
  in_namespace([] {
    Running running;
    running.host.interface_left();
    EXPECT_TRUE(running.keeps("name: adit0", "name: adit1"));
    EXPECT_FALSE(running.keeps("name: adit0", "name: adit0, mode: tap"));
    EXPECT_FALSE(running.keeps("interface:", "routes: [default]\ninterface:"));
  });
}

TEST(CheckSuccessor, ABridgeHasToBeOne) {
  in_namespace([] {
    Running running;
    run("ip link add br0 type bridge; ip tuntap add dev card0 mode tap");
    EXPECT_EQ(running.problem_of_bridge("br0"), "");
    EXPECT_THAT(running.problem_of_bridge("card0"), HasSubstr("card0 is no bridge"));
    EXPECT_THAT(running.problem_of_bridge("br1"), HasSubstr("there is no interface br1"));
    // It has to be where the interface is to be: here in the namespace of the test's program.
    EXPECT_THAT(running.problem_of_bridge("br0, netns: /proc/self/ns/net"), HasSubstr("there is no interface br0"));
  });
}

TEST(CheckSuccessor, ABridgeHasToBeThereWhereItWasEditedAndIsWaitedForElsewhere) {
  in_namespace([] {
    run("ip link add br0 type bridge");
    Running running(in_bridge("br0"));
    EXPECT_THAT(running.problem_of_bridge("br1"), HasSubstr("there is no interface br1"));
    EXPECT_THAT(running.problem_of_bridge("lo"), HasSubstr("lo is no bridge"));
    run("ip link del br0");
    EXPECT_EQ(running.problem_of_bridge("br0"), "");
    EXPECT_EQ(running.problem(replaced(in_bridge("br0"), "name: adit0", "name: adit1")), "");
    EXPECT_THAT(running.problem_of_bridge("br1"), HasSubstr("there is no interface br1"));
    run("ip tuntap add dev br0 mode tap");
    EXPECT_THAT(running.problem_of_bridge("br0"), HasSubstr("br0 is no bridge"));
  });
}

TEST(CheckSuccessor, ASocketHasToBeHad) {
  in_namespace([] {
    Running running;
    const auto others = net::open_udp({.port = 4000});
    ASSERT_TRUE(others);
    EXPECT_EQ(running.problem_of_frames(""), "") << "our own goes on";
    EXPECT_EQ(running.problem_of_frames("", "4001"), "");
    EXPECT_EQ(running.problem_of_frames("", "51820"), "") << "our own is in nobody's way";
    EXPECT_THAT(running.problem_of_frames("", "4000"), HasSubstr("port 4000 is in use"));
    EXPECT_THAT(running.problem_of_frames("", "192.0.2.1:51820"), HasSubstr("no address 192.0.2.1"));
    EXPECT_EQ(running.doors->sockets.port(), 51820);
  });
}

TEST(CheckSuccessor, SoDoesThatOfWhoeverGoesOnWithTheInterface) {
  in_namespace([] {
    Running running;
    const auto others = net::open_udp({.port = 4000});
    ASSERT_TRUE(others);
    EXPECT_EQ(running.problem(kFile), "");
    EXPECT_EQ(running.problem(replaced(kFile, "127.0.0.1:51820", "4001")), "");
    EXPECT_THAT(running.problem(replaced(kFile, "127.0.0.1:51820", "4000")), HasSubstr("port 4000 is in use"));
    const auto device = replaced(kFile, "listen:", "device: eth9, listen:");
    EXPECT_THAT(running.problem(device), HasSubstr("no interface eth9"));
    running.config = read(device);
    EXPECT_EQ(running.problem(device), "") << "it is unplugged for now, and the sockets wait for it as they did";
  });
}

TEST(CheckSuccessor, AnotherNameHasToBeFree) {
  in_namespace([] {
    Running running;
    const auto problem_of_name = [&](const std::string& name) {
      return running.problem(replaced(kFile, "name: adit0", "name: " + name));
    };
    run("ip tuntap add dev free0 mode tun; ip tuntap add dev frames0 mode tap");
    const auto others = net::TunDevice::open({.name = "others0"});
    ASSERT_TRUE(others);
    EXPECT_EQ(problem_of_name("adit1"), "");
    EXPECT_EQ(problem_of_name("free0"), "");
    EXPECT_THAT(problem_of_name("frames0"), HasSubstr("there is an interface frames0 already"));
    EXPECT_THAT(problem_of_name("others0"), HasSubstr("has the interface others0"));
    EXPECT_THAT(run("ip link"), Not(HasSubstr("adit1"))) << "none is made";
  });
}

TEST(CheckSuccessor, AnInterfaceThatWasThereBeforeIsOfItsModeForGood) {
  in_namespace([] {
    run("ip tuntap add dev adit0 mode tun");
    Running running;
    EXPECT_THAT(running.problem_of_frames(""), HasSubstr("`ip link delete adit0`"));
    EXPECT_EQ(running.problem(replaced(kFile, "name: adit0", "name: adit1, mode: tap")), "");
  });
}

}  // namespace
}  // namespace adit::app
