// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>

#include "cli/command_line.h"
#include "config/reader.h"

namespace adit::cli {
namespace {

constexpr std::string_view kPrivateKey = "2BO4c0XAbZUVu1qN0kaKiU1qWA9F4692YrMi0aIpx1Q=";
constexpr std::string_view kFile =
    "[Interface]\nPrivateKey = 2BO4c0XAbZUVu1qN0kaKiU1qWA9F4692YrMi0aIpx1Q=\nAddress = 10.9.0.1/30\n"
    "[Peer]\nPublicKey = rpvIuiqU85fsmv4kvk55KkS3/jEfjtozVrHa5QdAXE4=\nAllowedIPs = 10.9.0.0/30, 10.0.0.0/8\n";

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

TEST(Import, WritesAFileForItsOwnerThatTheDaemonTakes) {
  const Folder folder;
  const ::mode_t before = ::umask(0);
  const auto outcome = adit({"import", folder.write("wg0.conf", kFile), "-o", folder / "office.yaml"});
  ::umask(before);
  ASSERT_EQ(outcome.status, kDone) << outcome.err;
  EXPECT_EQ(outcome.err, "");
  EXPECT_TRUE(has(outcome.out, "adit@office") && has(outcome.out, "wg-quick@wg0")) << outcome.out;
  EXPECT_FALSE(has(outcome.out, kPrivateKey));
  const auto config = config::read_config(folder / "office.yaml", {});
  ASSERT_TRUE(config) << to_string(config.error()[0]);
  EXPECT_EQ(config->interface.name, "office");
  EXPECT_EQ(config->routes.size(), 1);
  struct stat status{};
  ASSERT_EQ(::stat((folder / "office.yaml").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0600);
}

TEST(Import, NamesTheLinkAfterTheFileAndWritesItHere) {
  const Folder folder;
  folder.write("wg0.conf", kFile);
  const auto here = std::filesystem::current_path();
  std::filesystem::current_path(folder.path());
  const auto outcome = adit({"import", "wg0.conf"});
  std::filesystem::current_path(here);
  ASSERT_EQ(outcome.status, kDone) << outcome.err;
  EXPECT_TRUE(has(folder.text("wg0.yaml"), kPrivateKey));
}

TEST(Import, ALongNameLeavesTheInterfaceItsOwn) {
  const Folder folder;
  const auto file = folder.write("wg0.conf", kFile);
  ASSERT_EQ(adit({"import", file, "-o", folder / "a-very-long-name-indeed.yaml"}).status, kDone);
  EXPECT_TRUE(has(folder.text("a-very-long-name-indeed.yaml"), "name: wg0"));
}

TEST(Import, WritesToStandardOutputWhenAsked) {
  const Folder folder;
  const auto outcome = adit({"import", folder.write("wg0.conf", kFile), "-o", "-"});
  EXPECT_EQ(outcome.status, kDone);
  EXPECT_TRUE(has(outcome.out, "interface:\n") && has(outcome.out, kPrivateKey));
  EXPECT_FALSE(has(outcome.err, kPrivateKey));
}

TEST(Import, NeverOverwritesAFile) {
  const Folder folder;
  folder.write("office.yaml", "precious");
  const auto outcome = adit({"import", folder.write("wg0.conf", kFile), "-o", folder / "office.yaml"});
  EXPECT_EQ(outcome.status, kFailed);
  EXPECT_TRUE(has(outcome.err, "is there already")) << outcome.err;
  EXPECT_EQ(folder.text("office.yaml"), "precious");
}

TEST(Import, SaysAllThatIsWrongAndWritesNothing) {
  const Folder folder;
  const auto file =
      folder.write("wg0.conf", fmt::format("{}Endpiont = a:1\nSaveConfig = true\nAllowedIPs = 1\n", kFile));
  const auto outcome = adit({"import", file, "-o", folder / "office.yaml"});
  EXPECT_EQ(outcome.status, kInvalidConfig);
  EXPECT_EQ(outcome.out, "");
  EXPECT_TRUE(has(outcome.err, "wg0.conf:7:12: Endpiont: unknown key; did you mean Endpoint?")) << outcome.err;
  EXPECT_TRUE(has(outcome.err, "wg0.conf:9:14: AllowedIPs: \"1\" is not a subnet")) << outcome.err;
  EXPECT_FALSE(std::filesystem::exists(folder / "office.yaml"));
  EXPECT_EQ(adit({"import", folder / "nosuch.conf"}).status, kInvalidConfig);
}

TEST(Import, SaysWhatHasNoEqualAndThatOthersCanReadTheKey) {
  const Folder folder;
  const auto file = folder.write("wg0.conf", "[Interface]\nSaveConfig = true\n" + std::string(kFile));
  std::filesystem::permissions(file, std::filesystem::perms(0644));
  const auto outcome = adit({"import", file, "-o", folder / "office.yaml"});
  EXPECT_EQ(outcome.status, kDone);
  EXPECT_TRUE(has(outcome.err, "wg0.conf:2:14: SaveConfig: warning: is not carried over")) << outcome.err;
  EXPECT_TRUE(has(outcome.err, "wg0.conf: warning: group or others can read this file")) << outcome.err;
}

TEST(Import, TakesNoNameThatCannotNameALink) {
  const Folder folder;
  EXPECT_EQ(adit({"import", folder.write("wg+0.conf", kFile)}).status, kWrongUsage);
  EXPECT_EQ(adit({"import", folder / "wg+0.conf", "-o", folder / "office.yml"}).status, kWrongUsage);
  EXPECT_EQ(adit({"import", folder / "wg+0.conf", "-o", folder / "office.yaml"}).status, kDone);
  EXPECT_EQ(adit({"import"}).status, kWrongUsage);
}

TEST(Import, OfSeveralPeersEachGetsAPortOfItsOwn) {
  const Folder folder;
  const std::string peer =
      "[Peer]\nPublicKey = rpvIuiqU85fsmv4kvk55KkS3/jEfjtozVrHa5QdAXE4=\nAllowedIPs = 10.9.0.0/30\n";
  const auto file = folder.write("wg0.conf", fmt::format("[Interface]\nPrivateKey = {}\nAddress = 10.9.0.1/30\n"
                                                         "ListenPort = 51820\n# left\n{}# right\n{}",
                                                         kPrivateKey, peer, peer));
  const auto outcome = adit({"import", file, "--all", "-o", folder / ""});
  ASSERT_EQ(outcome.status, kDone) << outcome.err;
  std::vector<int> ports;
  for (const auto& entry : std::filesystem::directory_iterator(folder / "")) {
    if (entry.path().extension() != ".yaml") continue;
    const auto config = config::read_config(entry.path(), {});
    ASSERT_TRUE(config) << to_string(config.error()[0]);
    ports.push_back(config->local.listen.port);
  }
  std::ranges::sort(ports);
  EXPECT_EQ(ports, (std::vector{51820, 51821}));
  EXPECT_TRUE(has(outcome.err, "listens at port 51821")) << outcome.err;
}

/// `[Interface]` with `lines`, and three peers with a comment above each.
std::string three_peers(std::string_view lines, const std::array<std::string_view, 3>& headings) {
  auto text = fmt::format("[Interface]\nPrivateKey = {}\nAddress = 10.9.0.1/24\n{}", kPrivateKey, lines);
  for (std::size_t i = 0; i < headings.size(); ++i) {
    text += fmt::format("{}\nPublicKey = {}\nAllowedIPs = 10.9.0.{}/32\n", headings[i],
                        "rpvIuiqU85fsmv4kvk55KkS3/jEfjtozVrHa5QdAXE4=", i + 2);
  }
  return text;
}

TEST(Import, OfSeveralPeersNoneIsForgottenForASpaceThatIsNone) {
  const Folder folder;
  const auto file = folder.write("hub.conf", three_peers("", {"# a\n[Peer]", "# b\n[Peer]\xc2\xa0", "# c\n[Peer]"}));
  const auto outcome = adit({"import", file, "--all", "-o", folder / ""});
  ASSERT_EQ(outcome.status, kDone) << outcome.err;
  for (const auto& [name, network] :
       {std::pair("hub-a", "10.9.0.2/32"), std::pair("hub-b", "10.9.0.3/32"), std::pair("hub-c", "10.9.0.4/32")}) {
    const auto config = config::read_config(folder / (std::string(name) + ".yaml"), {});
    ASSERT_TRUE(config) << to_string(config.error()[0]);
    EXPECT_EQ(config->peer.allowed_ips, (std::vector{*IpNetwork::parse(network)}));
  }
}

TEST(Import, NoPeerGetsTheNumberThatAnotherIsCalled) {
  const Folder folder;
  const auto file = folder.write("hub.conf", three_peers("", {"# 2\n[Peer]", "[Peer]", "# 2\n[Peer]"}));
  const auto outcome = adit({"import", file, "--all", "-o", folder / ""});
  ASSERT_EQ(outcome.status, kDone) << outcome.err;
  for (const auto* name : {"hub-2.yaml: peer 1", "hub-3.yaml: peer 2", "hub-4.yaml: peer 3"}) {
    EXPECT_TRUE(has(outcome.out, name)) << outcome.out;
  }
}

TEST(Import, OfSeveralPeersTheFirstAloneRunsWhatIsAboutTheHost) {
  const Folder folder;
  const auto lines =
      "PostUp = nft -f /etc/adit/%i.nft\nPostUp = ip rule add from 10.9.0.0/24 table 5\nPostUp = ip link set hub up\n"
      "PostUp = sysctl -w net.ipv4.ip_forward=1\nPostDown = ip rule del from 10.9.0.0/24 table 5\n";
  const auto file = folder.write("hub.conf", three_peers(lines, {"# a\n[Peer]", "# b\n[Peer]", "# c\n[Peer]"}));
  const auto outcome = adit({"import", file, "--all", "-o", folder / ""});
  ASSERT_EQ(outcome.status, kDone) << outcome.err;
  for (const auto* name : {"hub-a.yaml", "hub-b.yaml", "hub-c.yaml"}) {
    const auto config = config::read_config(folder / name, {});
    ASSERT_TRUE(config) << to_string(config.error()[0]);
    const std::size_t about_host = name == std::string_view("hub-a.yaml") ? 1 : 0;
    EXPECT_EQ(config->hooks.up.size(), 2 + about_host) << name;
    EXPECT_EQ(config->hooks.down.size(), about_host) << name;
    EXPECT_TRUE(config->interface.forward) << "what is a key of Adit's is each link's";
  }
  const auto count = [&](std::string_view sentence) {
    int found = 0;
    for (auto at = outcome.err.find(sentence); at != std::string::npos; at = outcome.err.find(sentence, at + 1))
      ++found;
    return found;
  };
  EXPECT_EQ(count("hub.conf:5:10: PostUp: warning: is in the first link's file alone"), 1) << outcome.err;
  EXPECT_EQ(count("hub.conf:8:12: PostDown: warning: is in the first link's file alone"), 1) << outcome.err;
  EXPECT_EQ(count("hub.conf:8:12: PostDown: "), 2) << "that it runs earlier, where it runs\n" << outcome.err;
}

TEST(Import, OfAllPeersAFileThatIsNoTextIsNamedForWhatItIs) {
  const Folder folder;
  const auto file = folder.write("hub.conf", std::string_view("\xff\xfe[\0I\0n\0", 8));
  const auto outcome = adit({"import", file, "--all", "-o", folder / ""});
  EXPECT_EQ(outcome.status, kInvalidConfig);
  EXPECT_TRUE(has(outcome.err, "UTF-16")) << outcome.err;
}

}  // namespace
}  // namespace adit::cli
