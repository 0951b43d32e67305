// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/command_line.h"
#include "config/reader.h"
#include "config/wg_quick_reader.h"
#include "config/writer.h"

namespace adit::cli {
namespace {

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

config::Config read_wg(const std::string& text) {
  auto config = config::read_wg_quick(text, {"x.conf", "x", "x"});
  if (!config) ADD_FAILURE() << to_string(config.error()[0]) << "\n" << text;
  return config ? std::move(*config) : config::Config();
}

/// Both ends as adit pair makes them.
class Export : public testing::Test {
 protected:
  Export() {
    const auto made = adit({"pair", "office=192.0.2.1:7", "cabin=-", "--tunnel", "10.9.0.0/30", "--tunnel",
                            "fd09::/126", "--routes", "office=192.168.1.0/24", "-o", folder_.path()});
    EXPECT_EQ(made.status, kDone) << made.err;
  }

  std::string yaml(std::string_view name) const {
    const auto config = config::read_config(folder_ / name, {});
    if (!config) ADD_FAILURE() << to_string(config.error()[0]);
    return config ? to_yaml(*config, "") : "";
  }

  Outcome run(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), "export");
    return adit(arguments);
  }

  Folder folder_;
  std::string office_ = folder_ / "office.yaml";
  std::string cabin_ = folder_ / "cabin.yaml";
};

TEST_F(Export, WhatIsImportedAgainIsTheSame) {
  for (const std::string name : {"office", "cabin"}) {
    const auto conf = folder_ / (name + ".conf");
    const auto outcome = run({folder_ / (name + ".yaml"), "-o", conf});
    ASSERT_EQ(outcome.status, kDone) << outcome.err;
    EXPECT_EQ(outcome.err, "");
    struct stat status{};
    ASSERT_EQ(::stat(conf.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, 0600);
    std::filesystem::create_directory(folder_ / "again");
    ASSERT_EQ(adit({"import", conf, "-o", folder_ / ("again/" + name + ".yaml")}).status, kDone);
    EXPECT_EQ(yaml("again/" + name + ".yaml"), yaml(name + ".yaml"));
  }
}

TEST_F(Export, TheOtherEndIsWhatPairMadeIt) {
  const auto key = config::read_config(cabin_, {})->local.private_key.clone();
  const auto file = folder_.write("cabin.key", reveal_base64(key) + "\n");
  const auto outcome =
      run({office_, "--peer", "--private-key-file", file, "--endpoint", "192.0.2.1", "--routes", "192.168.1.0/24"});
  ASSERT_EQ(outcome.status, kDone) << outcome.err;
  auto other = read_wg(outcome.out);
  other.name = other.interface.name = "cabin";
  EXPECT_EQ(to_yaml(other, ""), yaml("cabin.yaml"));
  EXPECT_EQ(outcome.err, "");
}

TEST_F(Export, ANewKeyComesWithTheCommandThatMakesItKnownHere) {
  const auto outcome = run({office_, "--peer", "--new-key", "--endpoint", "office.example:5"});
  ASSERT_EQ(outcome.status, kDone) << outcome.err;
  const auto other = read_wg(outcome.out);
  const auto ours = config::read_config(office_, {});
  ASSERT_TRUE(ours);
  EXPECT_EQ(other.peer.endpoints, (std::vector<config::EndpointName>{{"office.example", 5}}));
  EXPECT_EQ(other.peer.public_key, public_key_of(ours->local.private_key));
  EXPECT_FALSE(has(outcome.err, reveal_base64(other.local.private_key)));
  const auto start = outcome.err.find("sed -i");
  ASSERT_NE(start, std::string::npos) << outcome.err;
  const auto command = outcome.err.substr(start, outcome.err.find(" && ") - start);
  ASSERT_EQ(std::system(command.c_str()), 0);  // NOLINT(cert-env33-c): the command is what is tested
  const auto after = config::read_config(office_, {});
  ASSERT_TRUE(after);
  EXPECT_EQ(after->peer.public_key, public_key_of(other.local.private_key));
}

TEST_F(Export, TheOtherEndAsksTheNameServersItIsGiven) {
  const auto outcome =
      run({office_, "--peer", "--endpoint", "192.0.2.1", "--routes", "default", "--dns", "10.9.0.1,fd09::1"});
  ASSERT_EQ(outcome.status, kDone) << outcome.err;
  EXPECT_TRUE(has(outcome.out, "\nDNS = 10.9.0.1, fd09::1\n")) << outcome.out;
  EXPECT_TRUE(has(outcome.out, "0.0.0.0/0, ::/0")) << outcome.out;
  EXPECT_TRUE(
      has(run({office_, "--peer", "--endpoint", "192.0.2.1", "--dns", "lan"}).err, "--dns: \"lan\" is not an IP"));
}

TEST_F(Export, AnOptionThatCannotBeWhatItStandsForIsWrongUsage) {
  for (const auto& [option, value] :
       {std::pair{"--endpoint", "http://office"}, {"--routes", "lan"}, {"--dns", "lan"}}) {
    const auto outcome = run({office_, "--peer", option, value});
    EXPECT_EQ(outcome.status, kWrongUsage) << option;
    EXPECT_TRUE(has(outcome.err, option)) << outcome.err;
  }
}

TEST_F(Export, WithoutTheOtherEndsKeyThereIsAPlaceForIt) {
  const auto outcome = run({office_, "--peer", "--endpoint", "192.0.2.1"});
  ASSERT_EQ(outcome.status, kDone) << outcome.err;
  EXPECT_TRUE(has(outcome.out, "\n# PrivateKey = ")) << outcome.out;
  EXPECT_FALSE(has(outcome.out, "\nPrivateKey")) << outcome.out;
  EXPECT_TRUE(has(outcome.err, "put it where the comment is")) << outcome.err;
}

TEST_F(Export, AKeyOfSomebodyElseIsRefused) {
  const auto key = folder_.write("other.key", adit({"genkey"}).out);
  auto outcome = run({office_, "--peer", "--private-key-file", key, "--endpoint", "192.0.2.1"});
  EXPECT_EQ(outcome.status, kFailed);
  EXPECT_TRUE(has(outcome.err, "and peer.public_key in")) << outcome.err;
  std::filesystem::permissions(key, std::filesystem::perms(0644));
  outcome = run({office_, "--peer", "--private-key-file", key, "--endpoint", "192.0.2.1"});
  EXPECT_TRUE(has(outcome.err, "can be read by group or others")) << outcome.err;
}

TEST_F(Export, OneOfBothEndsMustKnowWhereToCall) {
  const auto outcome = run({office_, "--peer", "--new-key"});
  EXPECT_EQ(outcome.status, kFailed);
  EXPECT_TRUE(has(outcome.err, "say with --endpoint HOST")) << outcome.err;
  EXPECT_EQ(outcome.out, "");
  const auto called = run({cabin_, "--peer", "--new-key"});
  ASSERT_EQ(called.status, kDone) << called.err;
  EXPECT_EQ(read_wg(called.out).local.listen.port, 7);
  EXPECT_TRUE(read_wg(called.out).peer.endpoints.empty());
  EXPECT_TRUE(has(run({cabin_, "--peer", "--endpoint", "a.example"}).err, "has no port in local.listen"));
}

TEST_F(Export, FindsTheOtherEndsAddress) {
  struct Row {
    std::string interface;
    std::string allowed;
    std::string other;  ///< or a part of the error
    bool guess = false;
  };
  const Row rows[] = {
      {"addresses: [10.9.0.2/30]", "", "addresses: [10.9.0.1/30]"},
      {"addresses: [10.9.0.0/31]", "", "addresses: [10.9.0.1/31]"},
      {"addresses: [10.9.0.7/24]", "10.9.0.9/32", "addresses: [10.9.0.9/24]"},
      {"addresses: [10.9.0.7/24]", "", "addresses: [10.9.0.1/24]", true},
      {"addresses: [10.9.0.1/24]", "", "addresses: [10.9.0.2/24]", true},
      {"addresses: [10.9.0.1/32]", "10.9.0.9/32", "addresses: [10.9.0.9/32]"},
      {"addresses: [10.9.0.1/32]", "", "name it in interface.peer_addresses"},
      {"addresses: [10.9.0.1/32]\n  peer_addresses: [10.7.0.1]", "", "addresses: [10.7.0.1/32]"},
      {"addresses: [\"fd09::1/64\", 10.9.0.1/24]\n  peer_addresses: [10.9.0.5, \"fd09::5\"]", "",
       "addresses: [\"fd09::5/64\", 10.9.0.5/24]"},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.interface + row.allowed);
    const auto file = folder_.write(
        "link.yaml",
        fmt::format("interface:\n  {}\nlocal:\n  private_key: 2BO4c0XAbZUVu1qN0kaKiU1qWA9F4692YrMi0aIpx1Q=\n"
                    "peer:\n  public_key: rpvIuiqU85fsmv4kvk55KkS3/jEfjtozVrHa5QdAXE4=\n  endpoint: a.example:1\n{}",
                    row.interface, row.allowed.empty() ? "" : "  allowed_ips: [" + row.allowed + "]\n"));
    const auto outcome = run({file, "--peer", "--new-key"});
    if (outcome.status != kDone) {
      EXPECT_TRUE(has(outcome.err, row.other)) << outcome.err;
      continue;
    }
    EXPECT_TRUE(has(to_yaml(read_wg(outcome.out), ""), row.other)) << outcome.out;
    EXPECT_EQ(has(outcome.err, "is taken for the other end's address"), row.guess) << outcome.err;
  }
}

/// The lines of a key.
std::string lines_of(const std::string& text, std::string_view key) {
  std::string lines;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = text.find('\n', at);
    if (const auto line = text.substr(at, end - at); line.starts_with(key)) lines += line + "\n";
    at = end + 1;
  }
  return lines;
}

/// A file for Ethernet frames.
std::string tap_file(std::string_view interface) {
  return fmt::format(
      "interface:\n  mode: tap\n{}local:\n  private_key: 2BO4c0XAbZUVu1qN0kaKiU1qWA9F4692YrMi0aIpx1Q=\n"
      "peer:\n  public_key: rpvIuiqU85fsmv4kvk55KkS3/jEfjtozVrHa5QdAXE4=\n  endpoint: a.example:1\n",
      interface);
}

TEST_F(Export, TheOtherEndOfACableIsWireGuardWithAGretapOnTop) {
  const auto file = folder_.write(
      "lan.yaml", tap_file("  addresses: [192.168.60.1/30, \"fd60::9/64\"]\n  tunnel_address: 10.9.0.1/30\n"));
  const auto outcome = run({file, "--peer", "--new-key"});
  ASSERT_EQ(outcome.status, kDone) << outcome.err;
  EXPECT_TRUE(has(outcome.out, "\nAddress = 10.9.0.2/32\n")) << outcome.out;
  EXPECT_TRUE(has(outcome.out, "\nAllowedIPs = 10.9.0.1/32\n")) << outcome.out;
  EXPECT_FALSE(has(outcome.out, "\nTable")) << outcome.out;
  EXPECT_EQ(lines_of(outcome.out, "PostUp"),
            "PostUp = sh -c 'ip link del lan-tap 2>/dev/null' || true\n"
            "PostUp = ip link add lan-tap type gretap local 10.9.0.2 remote 10.9.0.1\n"
            "PostUp = sh -c 'ip link set lan-tap mtu $(($(cat /sys/class/net/%i/mtu) - 42))'\n"
            "PostUp = ip addr add 192.168.60.2/30 dev lan-tap\n"
            "PostUp = ip link set lan-tap up\n");
  EXPECT_EQ(lines_of(outcome.out, "PreDown"), "PreDown = ip link del lan-tap\n");
  EXPECT_TRUE(has(outcome.out, "# on top, which is for them")) << outcome.out;
  EXPECT_TRUE(has(outcome.err, "they come out of lan-tap, a gretap that its hooks make")) << outcome.err;
  EXPECT_TRUE(has(outcome.err, "no address beside fd60::9/64: add one")) << outcome.err;
  EXPECT_FALSE(has(outcome.err, "interface.tunnel_address")) << outcome.err;
  EXPECT_TRUE(has(run({file, "--peer", "--new-key", "--routes", "10.1.0.0/16"}).err, "set routes on the hosts"));
}

TEST_F(Export, ThisEndOfACableIsThatToo) {
  const auto file = folder_.write(
      "with-a-long-one.yaml",
      tap_file("  bridge: br0\n  mac: '02:00:00:00:00:07'\n  mtu: 1300\n  tunnel_address: fd09::1/126\n") +
          "hooks:\n  up: [iptables -A INPUT -i $ADIT_INTERFACE -j ACCEPT]\n");
  const auto outcome = run({file});
  ASSERT_EQ(outcome.status, kDone) << outcome.err;
  EXPECT_TRUE(has(outcome.out, "\nAddress = fd09::1/128\n")) << outcome.out;
  EXPECT_TRUE(has(outcome.out, "\nMTU = 1362\n")) << outcome.out;
  EXPECT_EQ(lines_of(outcome.out, "PostUp"),
            "PostUp = sh -c 'ip link del with-a-23d4-tap 2>/dev/null' || true\n"
            "PostUp = ip link add with-a-23d4-tap type ip6gretap local fd09::1 remote fd09::2 encaplimit none\n"
            "PostUp = ip link set with-a-23d4-tap mtu 1300\n"
            "PostUp = ip link set with-a-23d4-tap address 02:00:00:00:00:07\n"
            "PostUp = ip link set with-a-23d4-tap master br0\n"
            "PostUp = ip link set with-a-23d4-tap up\n"
            "PostUp = iptables -A INPUT -i %i -j ACCEPT || true\n");
  EXPECT_TRUE(has(outcome.err, "write with-a-23d4-tap into it")) << outcome.err;
}

TEST_F(Export, CablesWhoseNamesBeginAlikeHaveGretapsOfTheirOwn) {
  const auto gretap_of = [&](const char* file) {
    const auto outcome = run({folder_.write(file, tap_file("  addresses: [192.168.60.1/30]\n"))});
    const auto at = outcome.out.find("ip link add ");
    return at == std::string::npos ? outcome.err
                                   : outcome.out.substr(at + 12, outcome.out.find(' ', at + 12) - at - 12);
  };
  const auto one = gretap_of("adit-office-1.yaml");
  const auto other = gretap_of("adit-office-2.yaml");
  EXPECT_NE(one, other);
  EXPECT_EQ(one.size(), 15U) << one;
  EXPECT_TRUE(one.starts_with("adit-o") && one.ends_with("-tap")) << one;
}

TEST_F(Export, ANewKeyKeepsTheAddressesThatFollowFromTheOrderOfTheKeys) {
  const auto file = folder_.write("lan.yaml", tap_file("  bridge: br0\n"));
  const auto ours = config::read_config(file, {});
  ASSERT_TRUE(ours);
  for (int i = 0; i < 8; ++i) {
    const auto outcome = run({file, "--peer", "--new-key"});
    ASSERT_EQ(outcome.status, kDone) << outcome.err;
    EXPECT_TRUE(has(outcome.out, fmt::format("\nAddress = {}/32\n", to_string(ours->interface.tap.peers))));
    const auto theirs = public_key_of(read_wg(outcome.out).local.private_key);
    const auto own = public_key_of(ours->local.private_key);
    EXPECT_EQ(theirs < own, ours->peer.public_key < own);
    EXPECT_TRUE(has(outcome.err, "put it into a bridge there")) << outcome.err;
  }
}

/// A host of wg-quick's with two such files would have the address twice, and could not tell the two gretaps apart.
TEST_F(Export, AddressesThatEveryCableHasAreTold) {
  const auto file = folder_.write("lan.yaml", tap_file("  bridge: br0\n"));
  for (const auto& words : {std::vector<std::string>{file}, std::vector<std::string>{file, "--peer", "--new-key"}}) {
    const auto outcome = run(words);
    ASSERT_EQ(outcome.status, kDone) << outcome.err;
    EXPECT_TRUE(has(outcome.err,
                    "has one of 169.254.0.1 and 169.254.0.2, as with every link without "
                    "interface.tunnel_address"))
        << outcome.err;
  }
}

TEST_F(Export, NoPhoneIsAnEndOfACable) {
  const auto file = folder_.write("lan.yaml", tap_file("  bridge: br0\n"));
  const int terminal = ::posix_openpt(O_RDWR | O_NOCTTY);
  ASSERT_GE(terminal, 0);
  for (const auto& more : {std::vector<std::string>{}, std::vector<std::string>{"--peer", "--new-key"}}) {
    std::vector<std::string> words{"export", file, "--qr"};
    words.insert(words.end(), more.begin(), more.end());
    const auto outcome = adit(words, "", terminal);
    EXPECT_EQ(outcome.status, kFailed);
    EXPECT_EQ(outcome.out, "");
    EXPECT_TRUE(has(outcome.err, "none can be an end of it")) << outcome.err;
  }
  ::close(terminal);
}

TEST_F(Export, AWrongFileIsAnInvalidConfiguration) {
  const auto outcome = run({folder_.write("bad.yaml", "interface: {}\n")});
  EXPECT_EQ(outcome.status, kInvalidConfig);
  EXPECT_TRUE(has(outcome.err, "bad.yaml")) << outcome.err;
  EXPECT_EQ(run({folder_ / "nosuch.yaml"}).status, kInvalidConfig);
}

TEST_F(Export, APictureTakesATerminalAndAKey) {
  auto outcome = run({office_, "--qr"});
  EXPECT_EQ(outcome.status, kWrongUsage);
  EXPECT_TRUE(has(outcome.err, "standard output is none")) << outcome.err;
  outcome = run({office_, "--qr", "--peer", "--endpoint", "a.example"});
  EXPECT_EQ(outcome.status, kWrongUsage);
  EXPECT_TRUE(has(outcome.err, "--new-key")) << outcome.err;
  EXPECT_EQ(run({office_, "--qr", "-o", folder_ / "x"}).status, kWrongUsage);
  EXPECT_EQ(run({office_, "--new-key"}).status, kWrongUsage);
  EXPECT_EQ(run({office_, "--peer", "--new-key", "--private-key-file", "x"}).status, kWrongUsage);
}

}  // namespace
}  // namespace adit::cli
