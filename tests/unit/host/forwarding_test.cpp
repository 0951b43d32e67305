// SPDX-License-Identifier: MIT
#include "host/forwarding.h"

#include <fmt/core.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <string>

#include "recorded_log.h"
#include "temporary_directory.h"

namespace adit::host {
namespace {

class ForwardingTest : public ::testing::Test {
 protected:
  ForwardingTest() {
    std::filesystem::create_directories(folder_.path() / "run");
    put("net/ipv4/ip_forward", "0");
    put("net/ipv6/conf/all/forwarding", "0");
    put("net/ipv6/conf/eth0/accept_ra", "1");
    put("net/ipv6/conf/eth1/accept_ra", "0");
    for (const auto* none : {"all", "default", "lo"}) put(fmt::format("net/ipv6/conf/{}/accept_ra", none), "1");
  }

  void put(const std::string& setting, const std::string& value) {
    const auto file = folder_.path() / "sys" / setting;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << value;
  }
  std::string get(const std::string& setting) const {
    std::ifstream file(folder_.path() / "sys" / setting);
    std::string value;
    std::getline(file, value);
    return value;
  }
  void put_device(const std::string& file, const std::string& text) {
    const auto path = folder_.path() / "net" / file;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
  Forwarding link(const std::string& name) {
    return {recorded_, folder_.path() / "run", name, folder_.path() / "sys", folder_.path() / "net"};
  }

  test::TemporaryDirectory folder_;
  test::RecordedLog recorded_;
};

TEST_F(ForwardingTest, IsOnInTheFamiliesInUseAndPutBack) {
  auto a = link("a");
  a.set({Family::v4});
  EXPECT_EQ(get("net/ipv4/ip_forward"), "1");
  EXPECT_EQ(get("net/ipv6/conf/all/forwarding"), "0");
  a.set({Family::v4, Family::v6});
  EXPECT_EQ(get("net/ipv6/conf/all/forwarding"), "1");
  EXPECT_EQ(get("net/ipv6/conf/eth0/accept_ra"), "2") << "or it would forget what routers say";
  EXPECT_EQ(get("net/ipv6/conf/eth1/accept_ra"), "0");
  for (const auto* none : {"all", "default", "lo"}) {
    EXPECT_EQ(get(fmt::format("net/ipv6/conf/{}/accept_ra", none)), "1") << "that is none of an uplink";
  }
  a.take_back("");
  EXPECT_EQ(get("net/ipv4/ip_forward"), "0");
  EXPECT_EQ(get("net/ipv6/conf/all/forwarding"), "0");
  EXPECT_EQ(get("net/ipv6/conf/eth0/accept_ra"), "1");
}

TEST_F(ForwardingTest, WhatCannotBePutBackIsToldAndLeftToARunThatCan) {
  const auto file = folder_.path() / "sys/net/ipv4/ip_forward";
  link("a").set({Family::v4});
  std::filesystem::remove(file);
  std::filesystem::create_directory(file);
  link("a").take_back("");
  EXPECT_NE(recorded_.text().find("as root, `sysctl net.ipv4.ip_forward=0`"), std::string::npos) << recorded_.text();
  std::filesystem::remove(file);
  put("net/ipv4/ip_forward", "1");
  link("a").take_back("");
  EXPECT_EQ(get("net/ipv4/ip_forward"), "0");
  EXPECT_TRUE(std::filesystem::is_empty(folder_.path() / "run"));
}

TEST_F(ForwardingTest, OfAnInterfaceThatIsGoneNothingIsPutBack) {
  link("a").set({Family::v6});
  std::filesystem::remove_all(folder_.path() / "sys/net/ipv6/conf/eth0");
  link("a").take_back("");
  EXPECT_EQ(recorded_.text().find("cannot be put back"), std::string::npos) << recorded_.text();
  EXPECT_TRUE(std::filesystem::is_empty(folder_.path() / "run"));
}

TEST_F(ForwardingTest, StaysAsTheHostHadIt) {
  put("net/ipv4/ip_forward", "1");
  auto a = link("a");
  a.set({Family::v4});
  a.take_back("");
  EXPECT_EQ(get("net/ipv4/ip_forward"), "1");
}

TEST_F(ForwardingTest, AnInterfaceThatComesLaterHearsRoutersToo) {
  auto a = link("a");
  put("net/ipv6/conf/wwan0/accept_ra", "1");
  a.set({Family::v4});
  a.links_changed();
  EXPECT_EQ(get("net/ipv6/conf/wwan0/accept_ra"), "1") << "it does so by itself";
  a.set({Family::v4, Family::v6});
  put("net/ipv6/conf/wwan0/accept_ra", "1");
  put("net/ipv6/conf/eth7/accept_ra", "1");
  put("net/ipv6/conf/ppp0/accept_ra", "1");
  put("net/ipv6/conf/veth1/accept_ra", "1");
  put_device("wwan0/device/vendor", "");
  put_device("eth7/device/vendor", "");
  put_device("ppp0/uevent", "DEVTYPE=ppp\nINTERFACE=ppp0\n");
  put_device("veth1/uevent", "INTERFACE=veth1\n");
  a.links_changed();
  EXPECT_EQ(get("net/ipv6/conf/veth1/accept_ra"), "1") << "a guest is not to become this host's router";
  for (const auto* const name : {"wwan0", "eth7", "ppp0"}) {
    EXPECT_EQ(get(fmt::format("net/ipv6/conf/{}/accept_ra", name)), "2") << name;
  }
  std::filesystem::remove_all(folder_.path() / "sys/net/ipv6/conf/ppp0");
  a.links_changed();
  std::ifstream note(folder_.path() / "run/a.forward");
  const std::string noted(std::istreambuf_iterator<char>(note), {});
  EXPECT_TRUE(noted.contains("eth7") && !noted.contains("ppp0")) << noted;
  a.take_back("");
  EXPECT_EQ(get("net/ipv6/conf/wwan0/accept_ra"), "1");
  EXPECT_EQ(get("net/ipv6/conf/eth7/accept_ra"), "1");
}

/// Docker finds it on, leaves it so, and would not notice that it goes.
TEST_F(ForwardingTest, StaysOnWhereGuestsMayRelyOnIt) {
  auto a = link("a");
  a.set({Family::v4, Family::v6});
  a.take_back("docker0");
  EXPECT_EQ(get("net/ipv4/ip_forward"), "1");
  EXPECT_EQ(get("net/ipv6/conf/all/forwarding"), "1");
  EXPECT_EQ(get("net/ipv6/conf/eth0/accept_ra"), "2") << "which goes with that";
  EXPECT_TRUE(recorded_.text().contains("guests behind docker0 may rely on it: `sysctl -w net.ipv4.ip_forward=0`"))
      << recorded_.text();
  auto again = link("a");
  again.set({Family::v4});
  again.take_back("");
  EXPECT_EQ(get("net/ipv4/ip_forward"), "1") << "it is the host's own by now";
  put("net/ipv4/ip_forward", "0");
  again.set({Family::v4});
  again.set({});
  EXPECT_EQ(get("net/ipv4/ip_forward"), "0") << "whoever edits the key away means that";
}

TEST_F(ForwardingTest, StaysOnAsLongAsOneLinkNeedsIt) {
  auto a = link("a");
  auto b = link("b");
  a.set({Family::v4});
  b.set({Family::v4});
  a.take_back("");
  EXPECT_EQ(get("net/ipv4/ip_forward"), "1");
  b.take_back("");
  EXPECT_EQ(get("net/ipv4/ip_forward"), "0");
}

TEST_F(ForwardingTest, ARunAfterACrashKnowsWhatWasThereBefore) {
  link("a").set({Family::v4});
  auto again = link("a");
  again.set({Family::v4});
  again.take_back("");
  EXPECT_EQ(get("net/ipv4/ip_forward"), "0");
}

/// The folder of notes is the links' user's, and a daemon that is still root reads and writes there.
TEST_F(ForwardingTest, ANoteThatSomebodyHasWrittenChangesNothingElse) {
  const auto outside = folder_.path() / "outside";
  const auto note = folder_.path() / "run" / "a.forward";
  put("net/ipv4/conf/all/accept_redirects", "0");
  for (const std::string& setting :
       {outside.string(), std::string("../outside"), std::string("net/ipv4/../../../outside"),
        std::string("net/ipv6/conf/../../../../outside/accept_ra"), std::string("net/ipv6/conf/../accept_ra"),
        std::string("net/ipv6/conf/accept_ra"), std::string("net/ipv4/conf/all/accept_redirects")}) {
    test::write_file(outside, "theirs");
    test::write_file(note, setting + "=1\n");
    link("a").take_back("");
    EXPECT_EQ(test::read_file(outside), "theirs") << setting;
    EXPECT_EQ(get("net/ipv4/conf/all/accept_redirects"), "0") << setting;
  }
  for (const auto* value : {"", "x", "1x", "-1", "1 "}) {
    test::write_file(note, fmt::format("net/ipv4/ip_forward={}\n", value));
    link("a").take_back("");
    EXPECT_EQ(get("net/ipv4/ip_forward"), "0") << value;
  }
}

TEST_F(ForwardingTest, ANoteLeadsNowhereElse) {
  const auto outside = folder_.path() / "outside";
  const auto note = folder_.path() / "run" / "a.forward";
  for (const auto& name : {note, std::filesystem::path(note.string() + ".new")}) {
    test::write_file(outside, "net/ipv4/ip_forward=7\n");
    std::filesystem::create_symlink(outside, name);
    auto a = link("a");
    a.set({Family::v4});
    EXPECT_EQ(test::read_file(outside), "net/ipv4/ip_forward=7\n") << name;
    a.take_back("");
    EXPECT_EQ(get("net/ipv4/ip_forward"), "0") << name;
  }
}

TEST_F(ForwardingTest, APipeThatBearsANotesNameIsNotWaitedFor) {
  ASSERT_EQ(::mkfifo((folder_.path() / "run" / "b.forward").c_str(), 0600), 0);
  auto a = link("a");
  a.set({Family::v4});
  a.take_back("");
  EXPECT_EQ(get("net/ipv4/ip_forward"), "0");
}

TEST_F(ForwardingTest, SaysWhatToWriteWhereItMayNotChangeIt) {
  std::filesystem::remove_all(folder_.path() / "sys");
  link("a").set({Family::v4});
  EXPECT_NE(recorded_.text().find("write `net.ipv4.ip_forward = 1` into /etc/sysctl.d/90-adit.conf"), std::string::npos)
      << recorded_.text();
}

}  // namespace
}  // namespace adit::host
