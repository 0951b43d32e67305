// SPDX-License-Identifier: MIT
// A link in a network namespace, and the edits of its file. The peer is not there; that a session survives is shown by
// tests/netns/test_reload.py.
#include "app/reload.h"

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/inheritance.h"
#include "base/or_throw.h"
#include "config/reader.h"
#include "fake_journal.h"
#include "namespace.h"
#include "net/system.h"
#include "recorded_log.h"
#include "support.h"
#include "temporary_directory.h"

namespace adit::app {
namespace {

using net::test::in_namespace;
using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr const char* kFile =
    "interface: {name: adit0, addresses: [10.9.0.1/30], mtu: 1400}\n"
    "local: {private_key: GOfNPrsOiJc+/tzUWFlCvSWWD0oGHcYGZKSfXGQ8FmU=, listen: 51820}\n"
    "peer: {public_key: ZID6dR9B0vJ1yz2mMW0kKxVV+rydUx/le+gJJievAD4=, endpoint: '192.0.2.7:51820'}\n";

constexpr const char* kPreshared = "FpCyhws9cxwWoV4xELtfJvjJN+zQVRPISllRWgeopVE=";
constexpr const char* kOtherPreshared = "7xHjLc+ckuXBtIA4zgCFd6UaGTJoNaeoOGTY6zpcDz8=";

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  return text.replace(text.find(from), from.size(), to);
}

/// All that a daemon has, with the file above.
struct Running {
  /// `text`: of the file; `meanwhile`: what happens while it starts.
  explicit Running(std::string_view text = kFile, const std::function<void(Running&)>& meanwhile = [](Running&) {}) {
    put("psk", kPreshared);
    put("office.yaml", std::string(text));
    config = read();
    meanwhile(*this);
    doors = Inheritance().open_doors(config, log);
    host.emplace(config, doors->device, 1400U);
    store.load();
    parts.emplace(link::Link::Parts{.config = config,
                                    .loop = loop,
                                    .random = random,
                                    .wall_clock = wall_clock,
                                    .log = log,
                                    .event_log = event_log,
                                    .doors = *doors,
                                    .host = *host,
                                    .store = store,
                                    .timestamps = timestamps});
    auto machine = or_throw(link::Link::make_machine(*parts, config, 1400));
    link.emplace(*parts, crypto::make_sodium_aead(), std::move(machine), std::nullopt);
    reload.emplace(Reload::Parts{.config = config,
                                 .link_parts = *parts,
                                 .link = *link,
                                 .journal = nullptr,
                                 .service = service,
                                 .move_meanwhile = [this](auto patience) { link->move_meanwhile(patience, [] {}); },
                                 .adopted = [this](const link::Edit& edit) { adopted = edit.keys(); },
                                 .replace =
                                     [this] {
                                       ++replaced_by_another;
                                       return Result<>();
                                     },
                                 .given_up = [this](const Error& error) { given_up = error.message; }});
  }

  void put(const char* name, const std::string& content) const {
    const auto beside = directory.path() / "beside";
    test::write_file(beside, content);
    std::filesystem::permissions(beside, std::filesystem::perms(0600));
    std::filesystem::rename(beside, directory.path() / name);
  }
  config::Config read() const { return std::move(config::read_config(file.string(), {}).value()); }
  control::ReloadOutcome edit(std::string_view from, std::string_view to) {
    test::write_file(file, replaced(kFile, from, to));
    return reload->from_file();
  }
  /// Once all that is waiting was heard.
  std::string preshared_key() {
    while (loop.run_once(Duration::zero())) continue;
    return crypto::reveal_base64(link->machine().preshared_key());
  }

  test::TemporaryDirectory directory;
  std::filesystem::path file = directory.path() / "office.yaml";
  test::RecordedLog log;
  net::EventLoop loop;
  test::SeededRandom random{6};
  test::SettableWallClock wall_clock;
  service::ServiceManager service{loop};
  link::EventLog event_log{log};
  service::StateStore store{directory.path() / "state", "boot"};
  link::TimestampKeeper timestamps{store, {}, log};
  config::Config config;
  std::unique_ptr<path::Doors> doors;
  std::optional<host::HostSetup> host;
  std::optional<link::Link::Parts> parts;
  std::optional<link::Link> link;
  std::optional<Reload> reload;
  std::vector<std::string> adopted;
  int replaced_by_another = 0;
  std::string given_up;
};

TEST(Reload, WhatTheFileSaysIsInForceAfterwardsAndTold) {
  in_namespace([] {
    Running running;
    const auto outcome = running.edit("mtu: 1400", "mtu: 1300");
    ASSERT_TRUE(outcome);
    EXPECT_THAT(*outcome, ElementsAre(HasSubstr("interface.mtu: 1300")));
    EXPECT_THAT(running.adopted, ElementsAre("interface.mtu"));
    EXPECT_EQ(running.host->mtu(), 1300U);
    EXPECT_THAT(net::test::run("ip link show adit0"), HasSubstr("mtu 1300"));
  });
}

TEST(Reload, ARefusalIsAnEntryOfItsOwnInTheJournal) {
  in_namespace([] {
    Running link;
    const test::FakeJournal fake(link.directory.path() / "journal");
    service::Journal journal("office", "", fake.path());
    Reload reload({.config = link.config,
                   .link_parts = *link.parts,
                   .link = *link.link,
                   .journal = &journal,
                   .service = link.service,
                   .move_meanwhile = [&](auto patience) { link.link->move_meanwhile(patience, [] {}); },
                   .adopted = {},
                   .replace = {},
                   .given_up = {}});
    test::write_file(link.file, std::string(kFile) + "rooutes: []\n");
    EXPECT_FALSE(reload.from_file());
    const auto entries = fake.read();
    EXPECT_THAT(entries, SizeIs(2)) << "the problem, and that nothing was changed";
    EXPECT_THAT(entries, Each(HasSubstr("ADIT_EVENT=reload_refused\n"))) << "not that the link was not started";
  });
}

TEST(Reload, AFileWithAMistakeChangesNothing) {
  in_namespace([] {
    Running running;
    const auto outcome = running.edit("mtu: 1400", "mtu: 1400, mut: 1300");
    ASSERT_FALSE(outcome);
    EXPECT_THAT(outcome.error().problems, ElementsAre(HasSubstr("interface.mut")));
    EXPECT_THAT(running.log.text(), HasSubstr("nothing was changed"));
    EXPECT_THAT(running.adopted, IsEmpty());
    EXPECT_EQ(running.config.interface.mtu, 1400U);
  });
}

TEST(Reload, WhatFailsHalfwayIsTakenBack) {
  in_namespace([] {
    Running running;
    const auto taken = net::open_udp({.port = 4000});
    ASSERT_TRUE(taken);
    test::write_file(running.file,
                     replaced(replaced(kFile, "listen: 51820", "listen: 4000"), "mtu: 1400", "mtu: 1300"));
    ASSERT_FALSE(running.reload->from_file());
    EXPECT_EQ(running.host->mtu(), 1400U);
    EXPECT_THAT(net::test::run("ip link show adit0"), HasSubstr("mtu 1400"));
    EXPECT_EQ(running.doors->sockets.port(), 51820);
    EXPECT_EQ(running.config.local.listen.port, 51820);
    EXPECT_EQ(running.given_up, "");
  });
}

TEST(Reload, AnotherModeIsANewRunsUnlessThatWouldEndAtOnce) {
  in_namespace([] {
    Running running;
    net::test::run("ip tuntap add dev card0 mode tap");
    const auto outcome = running.edit("addresses: [10.9.0.1/30]", "mode: tap, bridge: card0");
    ASSERT_FALSE(outcome);
    EXPECT_THAT(outcome.error().sentence, HasSubstr("card0 is no bridge"));
    EXPECT_EQ(running.replaced_by_another, 0);
    const auto awaited = running.edit("name: adit0", "name: adit0, mode: tap");
    ASSERT_TRUE(awaited);
    EXPECT_THAT(awaited->back(), HasSubstr("a new run of the daemon makes it")) << "it is not in force yet";
    EXPECT_EQ(running.replaced_by_another, 1);
    const auto elsewhere = running.edit("name: adit0", "name: adit0, netns: nowhere");
    ASSERT_FALSE(elsewhere);
    EXPECT_THAT(elsewhere.error().sentence, HasSubstr("there is no network namespace nowhere"));
    EXPECT_EQ(running.replaced_by_another, 1);
  });
}

TEST(Reload, AnotherKeyOfThePeersMakesAnotherLink) {
  in_namespace([] {
    Running running;
    const auto outcome =
        running.edit("ZID6dR9B0vJ1yz2mMW0kKxVV+rydUx/le+gJJievAD4=", "RxkHQPX5c4WDSxczidj4MyTfL/WNqGGPBW8IWLt7zTA=");
    ASSERT_TRUE(outcome);
    EXPECT_THAT(*outcome, Contains("the link begins anew, with a new session"));
    EXPECT_EQ(crypto::to_base64(running.config.peer.public_key), "RxkHQPX5c4WDSxczidj4MyTfL/WNqGGPBW8IWLt7zTA=");
  });
}

std::string with_preshared_key_file() {
  return replaced(kFile, "peer: {", "peer: {preshared_key_file: psk, ");
}

TEST(Reload, APresharedKeyThatCameWhileTheLinkStartedIsInForce) {
  in_namespace([] {
    Running running(with_preshared_key_file(), [](Running& starting) { starting.put("psk", kOtherPreshared); });
    EXPECT_EQ(running.preshared_key(), kOtherPreshared);
  });
}

/// With the same ends, and with others.
TEST(Reload, APresharedKeyThatCameDuringAReloadIsInForceAfterIt) {
  in_namespace([] {
    for (const auto* const key :
         {"GOfNPrsOiJc+/tzUWFlCvSWWD0oGHcYGZKSfXGQ8FmU=", "yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk="}) {
      Running running(with_preshared_key_file());
      running.put("office.yaml",
                  replaced(with_preshared_key_file(), "GOfNPrsOiJc+/tzUWFlCvSWWD0oGHcYGZKSfXGQ8FmU=", key));
      auto next = running.read();
      running.put("psk", kOtherPreshared);
      ASSERT_TRUE(running.reload->change_to(next, link::edit_between(running.config, running.link->machine(), next)));
      EXPECT_EQ(running.preshared_key(), kOtherPreshared);
    }
  });
}

TEST(Reload, APresharedKeyThatCameWhileItsFileBecameThatOfTheLinkIsInForce) {
  in_namespace([] {
    Running running;
    running.put("office.yaml", with_preshared_key_file());
    auto next = running.read();
    running.put("psk", kOtherPreshared);
    ASSERT_TRUE(running.reload->change_to(next, link::edit_between(running.config, running.link->machine(), next)));
    EXPECT_EQ(running.preshared_key(), kOtherPreshared);
  });
}

TEST(Reload, ALinkWithoutAFileSaysSo) {
  in_namespace([] {
    Running running;
    running.config.file.clear();
    const auto outcome = running.reload->from_file();
    ASSERT_FALSE(outcome);
    EXPECT_THAT(outcome.error().sentence, HasSubstr("`wg` sets it up"));
  });
}

constexpr const char* kPresharedOfWg = "pDvgMkEqdrLhFHPAZdxYsUZSHgLIJ4cUdAUnjRrFvPI=";

/// As `wg set … preshared-key` does.
void set_by_wg(Running& running, const char* key) {
  auto next = running.read();
  next.peer.preshared_key = crypto::parse_preshared_key(key).value();
  next.peer.preshared_key_file.clear();
  const auto edit = link::edit_between(running.config, running.link->machine(), next);
  ASSERT_TRUE(running.reload->change_by_wg(next, edit));
  ASSERT_EQ(running.preshared_key(), key);
}

TEST(Reload, TheFilesPresharedKeyIsInForceAlsoWhereItsWatchTookAnotherSince) {
  in_namespace([] {
    Running running(with_preshared_key_file());
    running.put("psk", kOtherPreshared);
    ASSERT_EQ(running.preshared_key(), kOtherPreshared);
    running.put("office.yaml", replaced(kFile, "peer: {", fmt::format("peer: {{preshared_key: {}, ", kPreshared)));
    const auto outcome = running.reload->from_file();
    ASSERT_TRUE(outcome);
    EXPECT_THAT(*outcome, Contains(HasSubstr("peer.preshared_key: another key")));
    EXPECT_FALSE(running.reload->kept_preshared_key());
    EXPECT_EQ(running.preshared_key(), kPreshared);
  });
}

TEST(Reload, APresharedKeyOfWgsStaysUntilTheFileSaysAnother) {
  in_namespace([] {
    Running running(with_preshared_key_file());
    running.put("psk", kOtherPreshared);
    ASSERT_EQ(running.preshared_key(), kOtherPreshared);
    set_by_wg(running, kPreshared);
    set_by_wg(running, kPresharedOfWg);
    ASSERT_TRUE(running.reload->from_file());
    EXPECT_TRUE(running.reload->kept_preshared_key());
    EXPECT_EQ(running.preshared_key(), kPresharedOfWg) << "of a file that says what it said when `wg` came";
    running.put("psk", kOtherPreshared);
    EXPECT_EQ(running.preshared_key(), kPresharedOfWg) << "as of one that was only touched";
    running.put("psk", kPreshared);
    EXPECT_EQ(running.preshared_key(), kPreshared);
    running.put("office.yaml", replaced(kFile, "peer: {", fmt::format("peer: {{preshared_key: {}, ", kOtherPreshared)));
    ASSERT_TRUE(running.reload->from_file());
    EXPECT_FALSE(running.reload->kept_preshared_key());
    EXPECT_EQ(running.preshared_key(), kOtherPreshared) << "that of `wg` is gone, and none is kept";
  });
}

TEST(Bequeath, GivesEverythingAwayAndTakesNothingBack) {
  in_namespace([] {
    service::Estate estate;
    {
      Running running;
      auto given = bequeath(service::make_session_file().value(), running.config, *running.doors, *running.host,
                            running.link->machine(), true, std::chrono::seconds(7));
      ASSERT_TRUE(given);
      estate = std::move(*given);
    }
    EXPECT_TRUE(estate.tun && estate.udp4 && estate.udp6 && estate.session);
    EXPECT_THAT(net::test::run("ip addr show dev adit0"), HasSubstr("10.9.0.1/30"));
    tunnel::SavedTunnelHolder holder;
    const auto facts = service::consume_session(estate.session, holder.saved, net::boot_now());
    ASSERT_TRUE(facts);
    EXPECT_EQ(facts->mtu, 1400U);
    EXPECT_TRUE(facts->down_ran);
    EXPECT_EQ(facts->suspended, std::chrono::seconds(7));
    EXPECT_FALSE(service::consume_session(estate.session, holder.saved, net::boot_now())) << "it can be used once";
  });
}

}  // namespace
}  // namespace adit::app
