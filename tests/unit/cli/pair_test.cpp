// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "cli/command_line.h"
#include "config/reader.h"

namespace adit::cli {
namespace {

TEST(Pair, WritesTwoFilesThatMakeALink) {
  const Folder folder;
  const ::mode_t before = ::umask(0);
  const auto outcome = adit({"pair", "a=a.example.net", "long-name-of-host-b=[2001:db8::7]:7", "--tunnel",
                             "10.9.0.0/30", "--tunnel", "fd09::/126", "--routes", "a=192.168.1.0/24,192.168.2.0/24",
                             "--routes", "long-name-of-host-b=default", "-o", folder.path()});
  ::umask(before);
  ASSERT_EQ(outcome.status, kDone) << outcome.err;
  const auto a = config::read_config(folder / "a.yaml", {});
  const auto b = config::read_config(folder / "long-name-of-host-b.yaml", {});
  ASSERT_TRUE(a) << to_string(a.error()[0]);
  ASSERT_TRUE(b) << to_string(b.error()[0]);
  EXPECT_TRUE(a->warnings.empty());
  EXPECT_TRUE(b->warnings.empty());
  EXPECT_EQ(a->peer.public_key, public_key_of(b->local.private_key));
  EXPECT_EQ(b->peer.public_key, public_key_of(a->local.private_key));
  EXPECT_EQ(reveal_base64(a->peer.preshared_key), reveal_base64(b->peer.preshared_key));
  EXPECT_EQ(a->local.listen.port, 51820);
  EXPECT_EQ(a->peer.endpoints, (std::vector<config::EndpointName>{{"2001:db8::7", 7}}));
  EXPECT_EQ(b->peer.endpoints, (std::vector<config::EndpointName>{{"a.example.net", 51820}}));
  EXPECT_EQ(a->interface.name, "a");
  EXPECT_EQ(b->interface.name, "long-name-00e3");
  EXPECT_EQ(a->routes.size(), 2);
  EXPECT_EQ(b->routes.size(), 2);
  for (const auto* file : {"a.yaml", "long-name-of-host-b.yaml"}) {
    struct stat status{};
    ASSERT_EQ(::stat((folder / file).c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, 0600);
    EXPECT_NE(outcome.out.find(folder / file), std::string::npos);
  }
  EXPECT_EQ(outcome.out.find(reveal_base64(a->local.private_key)), std::string::npos);
  EXPECT_NE(outcome.out.find("let UDP port 7 in"), std::string::npos) << outcome.out;
}

TEST(Pair, LetsTheEndBehindNatCall) {
  const Folder folder;
  const auto outcome = adit({"pair", "home=-", "office=office.example.net:7", "-o", folder.path()});
  ASSERT_EQ(outcome.status, kDone) << outcome.err;
  const auto home = config::read_config(folder / "home.yaml", {});
  const auto office = config::read_config(folder / "office.yaml", {});
  ASSERT_TRUE(home && office);
  EXPECT_EQ(home->local.listen.port, 0);
  EXPECT_EQ(home->peer.endpoints, (std::vector<config::EndpointName>{{"office.example.net", 7}}));
  EXPECT_EQ(office->local.listen.port, 7);
  EXPECT_TRUE(office->peer.endpoints.empty());
  EXPECT_EQ(home->interface.addresses.size(), 2);
  EXPECT_EQ(home->interface.addresses[0].network(), office->interface.addresses[0].network());
  EXPECT_EQ(home->interface.addresses[1].network(), office->interface.addresses[1].network());
}

TEST(Pair, MakesAnEthernetCable) {
  const Folder folder;
  const auto outcome = adit({"pair", "a=a.example.net", "b=-", "--tap", "-o", folder.path()});
  ASSERT_EQ(outcome.status, kDone) << outcome.err;
  const auto a = config::read_config(folder / "a.yaml", {});
  const auto b = config::read_config(folder / "b.yaml", {});
  ASSERT_TRUE(a) << to_string(a.error()[0]);
  ASSERT_TRUE(b) << to_string(b.error()[0]);
  EXPECT_TRUE(a->warnings.empty() && b->warnings.empty());
  EXPECT_EQ(a->interface.mode, config::Mode::tap);
  EXPECT_EQ(a->interface.addresses[0].network(), b->interface.addresses[0].network());
  EXPECT_EQ(a->interface.tap.ours, b->interface.tap.peers) << "both come to the same by themselves";
  EXPECT_EQ(a->peer.allowed_ips, (std::vector{IpNetwork{b->interface.tap.ours, 32}}));
  const auto address = to_string(b->interface.addresses[0].address);
  EXPECT_NE(outcome.out.find("b: an Ethernet cable, inside the tunnel " + address), std::string::npos) << outcome.out;
  EXPECT_EQ(outcome.out.find("bridge"), std::string::npos) << outcome.out;
}

TEST(Pair, MakesACableBetweenABridgeAndAHost) {
  const Folder folder;
  const auto outcome =
      adit({"pair", "office=a.example.net", "home=-", "--tap", "--bridge", "office=br0", "-o", folder.path()});
  ASSERT_EQ(outcome.status, kDone) << outcome.err;
  const auto office = config::read_config(folder / "office.yaml", {});
  const auto home = config::read_config(folder / "home.yaml", {});
  ASSERT_TRUE(office && home);
  EXPECT_EQ(office->interface.tap.bridge, "br0");
  EXPECT_TRUE(home->interface.addresses.empty());
  EXPECT_NE(outcome.out.find("office: an Ethernet cable, put into br0"), std::string::npos) << outcome.out;
  EXPECT_NE(outcome.out.find("one of the network behind br0"), std::string::npos) << outcome.out;
  EXPECT_NE(outcome.out.find("A link waits for its bridge where that is gone for a while"), std::string::npos)
      << outcome.out;
  EXPECT_EQ(adit({"pair", "a=a.example", "b=-", "--bridge", "a=br0", "-o", folder.path()}).status, kWrongUsage);
}

TEST(Pair, SaysWhatItWouldInstallOfACable) {
  const auto dry_run = [](std::vector<std::string> more) {
    std::vector<std::string> words{"pair",  "a=a.example", "b=-",     "--tap",    "--install",
                                   "a=one", "--install",   "b=local", "--dry-run"};
    words.insert(words.end(), more.begin(), more.end());
    return adit(words);
  };
  const auto bridged = dry_run({"--bridge", "a=br0"});
  ASSERT_EQ(bridged.status, kDone) << bridged.err;
  EXPECT_NE(bridged.out.find("that there is /dev/net/tun, a bridge br0, and no /etc/adit/a.yaml"), std::string::npos)
      << bridged.out;
  EXPECT_EQ(bridged.out.find("ping"), std::string::npos) << "nobody has an address that is known";
  EXPECT_NE(bridged.out.find("\nb: an Ethernet cable, without an address: write one of the network behind br0"),
            std::string::npos)
      << bridged.out;
  EXPECT_NE(bridged.out.find("Hosts behind it need the MTU"), std::string::npos) << bridged.out;
  EXPECT_EQ(dry_run({}).out.find("address:"), std::string::npos) << "both have one";
  EXPECT_NE(dry_run({"--tunnel", "10.9.0.0/30"}).out.find("and ping 10.9.0.2 from a"), std::string::npos);
}

TEST(Pair, NeverOverwritesAFile) {
  for (const auto* existing : {"a.yaml", "b.yaml"}) {
    const Folder folder;
    folder.write(existing, "precious");
    const auto outcome = adit({"pair", "a=a.example", "b=b.example", "-o", folder.path()});
    EXPECT_EQ(outcome.status, kFailed);
    EXPECT_NE(outcome.err.find(std::string(existing) + " is there already"), std::string::npos) << outcome.err;
    EXPECT_EQ(folder.text(existing), "precious");
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);
    EXPECT_EQ(outcome.out, "");
  }
}

TEST(Pair, FollowsNoLinkToAnotherPlace) {
  const Folder folder;
  const Folder elsewhere;
  std::filesystem::create_symlink(elsewhere / "stolen", folder / "a.yaml");
  EXPECT_EQ(adit({"pair", "a=a.example", "b=b.example", "-o", folder.path()}).status, kFailed);
  EXPECT_TRUE(elsewhere.empty());
}

TEST(Pair, WritesNothingWhenTheLinkCouldNotWork) {
  const Folder folder;
  const auto inside = adit({"pair", "a=10.9.0.1", "b=b.example", "--tunnel", "10.9.0.0/24", "-o", folder.path()});
  EXPECT_EQ(inside.status, kFailed);
  EXPECT_NE(inside.err.find("10.9.0.1 is inside the tunnel"), std::string::npos) << inside.err;
  const auto own_subnet = adit({"pair", "a=a.example", "b=b.example", "--tunnel", "10.9.0.0/24", "--routes",
                                "a=10.9.0.0/24", "-o", folder.path()});
  EXPECT_EQ(own_subnet.status, kFailed);
  EXPECT_NE(own_subnet.err.find("is the interface's own subnet"), std::string::npos) << own_subnet.err;
  EXPECT_TRUE(folder.empty());
}

TEST(Pair, ReportsWrongUsage) {
  const Folder folder;
  const auto both_nat = adit({"pair", "a=-", "b=-", "-o", folder.path()});
  EXPECT_EQ(both_nat.status, kWrongUsage);
  EXPECT_EQ(both_nat.err.find("adit pair: one host must be reachable"), 0) << both_nat.err;
  EXPECT_EQ(adit({"pair", "a", "b=b.example", "-o", folder.path()}).status, kWrongUsage);
  const auto no_folder = adit({"pair", "a=a.example", "b=b.example", "-o", folder / "none"});
  EXPECT_EQ(no_folder.status, kFailed);
  EXPECT_NE(no_folder.err.find("No such file or directory"), std::string::npos);
  EXPECT_TRUE(folder.empty());
}

}  // namespace
}  // namespace adit::cli
