// SPDX-License-Identifier: MIT
#include "net/resolver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <sys/mount.h>
#include <unistd.h>

#include <sched.h>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "namespace.h"
#include "net/dns_server.h"
#include "temporary_directory.h"

namespace adit::net {
namespace {

using namespace std::chrono_literals;
using test::DnsServer;
using test::in_namespace;
using test::Question;
using test::Rcode;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

IpAddress address(const char* text) {
  return IpAddress::parse(text).value();
}
Endpoint endpoint(const char* text) {
  return Endpoint::parse(text).value();
}

/// Asks and waits for the answer.
Result<Resolved> resolve(EventLoop& loop, const ResolverOptions& options, const std::string& host,
                         std::uint16_t port = 51820) {
  std::optional<Result<Resolved>> result;
  Resolver resolver(loop, options);
  const auto lookup = resolver.resolve(host, port, [&](Result<Resolved> answer) { result = std::move(answer); });
  EXPECT_FALSE(result) << "never within the call";
  EXPECT_TRUE(lookup.pending());
  while (!result) loop.run_once();
  EXPECT_FALSE(lookup.pending());
  return std::move(*result);
}

std::string error_of(EventLoop& loop, const ResolverOptions& options, const std::string& host) {
  const auto result = resolve(loop, options, host);
  return result ? "no error" : result.error().message;
}

TEST(Resolver, AsksForBothFamiliesAndReportsTheShortestTimeToLive) {
  EventLoop loop;
  const std::vector<IpAddress> v4{address("192.0.2.7"), address("192.0.2.8")};
  const std::vector<IpAddress> v6{address("2001:db8::7")};
  DnsServer server(loop, [&](const Question& question) {
    EXPECT_EQ(question.name, "vpn.example.net");
    return question.family == Family::v4 ? test::answer(question, v4, 300) : test::answer(question, v6, 60);
  });
  const auto result = resolve(loop, {.servers = server.address()}, "vpn.example.net");
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_THAT(result->endpoints, UnorderedElementsAre(endpoint("192.0.2.7:51820"), endpoint("192.0.2.8:51820"),
                                                      endpoint("[2001:db8::7]:51820")));
  EXPECT_EQ(result->time_to_live, 60s);
  EXPECT_EQ(server.questions(), 2);
}

TEST(Resolver, OneFamilysFailureDoesNotSpoilTheOthersAnswer) {
  for (const auto good : {Family::v4, Family::v6}) {
    EventLoop loop;
    const auto found = good == Family::v4 ? address("192.0.2.7") : address("2001:db8::7");
    DnsServer server(loop, [&](const Question& question) {
      return question.family == good ? test::answer(question, {found}, 5) : test::refuse(question, Rcode::servfail);
    });
    const auto result = resolve(loop, {.servers = server.address(), .timeout = 60s, .tries = 1}, "vpn.example.net");
    ASSERT_TRUE(result) << result.error().message;
    EXPECT_THAT(result->endpoints, UnorderedElementsAre(Endpoint{found, 51820}));
  }
}

TEST(Resolver, EveryFailureIsASentenceThatNamesTheHost) {
  EventLoop loop;
  const auto error_with = [&](Rcode code) {
    DnsServer server(loop, [&](const Question& question) { return test::refuse(question, code); });
    return error_of(loop, {.servers = server.address(), .timeout = 60s, .tries = 1}, "vpn.example.net");
  };
  EXPECT_EQ(error_with(Rcode::nxdomain), "cannot resolve vpn.example.net: there is no such name");
  EXPECT_THAT(error_with(Rcode::servfail), HasSubstr("unreachable or failing; see /etc/resolv.conf"));
  EXPECT_THAT(error_with(Rcode::refused), HasSubstr("failing"));
  EXPECT_THAT(error_with(Rcode::ok), HasSubstr("no address"));
  EXPECT_THAT(error_of(loop, {.servers = "127.0.0.1:9"}, std::string(300, 'a') + ".net"), HasSubstr("no valid host"));
}

TEST(Resolver, ASilentServerIsAskedAgainAndThenGivenUp) {
  EventLoop loop;
  DnsServer server(loop, [](const Question&) { return test::Answer(); });
  EXPECT_EQ(error_of(loop, {.servers = server.address(), .timeout = 20ms, .tries = 2}, "vpn.example.net"),
            "cannot resolve vpn.example.net: no name server answered");
  while (loop.run_once(0ms)) continue;  // on a busy machine time was up before the server had read them
  EXPECT_EQ(server.questions(), 4) << "two families, two tries";
}

TEST(Resolver, AnAnswerToTheSecondTryCounts) {
  EventLoop loop;
  int asked = 0;
  DnsServer server(loop, [&](const Question& question) {
    return ++asked <= 2 ? test::Answer() : test::answer(question, {address("192.0.2.7")}, 5);
  });
  EXPECT_TRUE(resolve(loop, {.servers = server.address(), .timeout = 250ms, .tries = 20}, "vpn.example.net"));
}

TEST(Resolver, GarbageIsNoAnswer) {
  EventLoop loop;
  // Cut at every length, with the record's size lying, and noise behind the header.
  for (std::size_t size = 1; size < 48; size += 3) {
    DnsServer server(loop, [&](const Question& question) {
      auto reply = test::answer(question, {address("192.0.2.7"), address("2001:db8::7")}, 5);
      reply.resize(std::min(size, reply.size() - 1));
      return reply;
    });
    const auto result = resolve(loop, {.servers = server.address(), .timeout = 5ms, .tries = 1}, "vpn.example.net");
    EXPECT_FALSE(result) << size;
  }
  DnsServer liar(loop, [&](const Question& question) {
    auto reply = test::answer(question, {address("192.0.2.7"), address("2001:db8::7")}, 5);
    store_be16(&reply[6], 0xffff);
    return reply;
  });
  EXPECT_FALSE(resolve(loop, {.servers = liar.address(), .timeout = 5ms, .tries = 1}, "vpn.example.net"));
}

TEST(Resolver, TheNextServerIsAskedWhenTheFirstIsNotThere) {
  EventLoop loop;
  DnsServer server(loop, [](const Question& question) { return test::answer(question, {address("192.0.2.7")}, 5); });
  std::uint16_t closed = 0;
  {
    closed = UdpSocket::open({.family = Family::v4}).value().local_port();
  }
  const auto servers = "127.0.0.1:" + std::to_string(closed) + "," + server.address();
  // That nobody is there is told to one of the two questions alone; the other has to wait for the time-out of its first
  // try.
  EXPECT_TRUE(resolve(loop, {.servers = servers, .timeout = 1s, .tries = 10}, "vpn.example.net"));
}

TEST(Resolver, NumericAddressesNeedNoServer) {
  EventLoop loop;
  const ResolverOptions nobody{.servers = "127.0.0.1:9", .timeout = 1ms, .tries = 1};
  EXPECT_THAT(resolve(loop, nobody, "192.0.2.7", 7)->endpoints, UnorderedElementsAre(endpoint("192.0.2.7:7")));
  const auto v6 = resolve(loop, nobody, "2001:db8::7", 7);
  EXPECT_THAT(v6->endpoints, UnorderedElementsAre(endpoint("[2001:db8::7]:7")));
  EXPECT_FALSE(v6->time_to_live);
  const auto scoped = resolve(loop, nobody, "fe80::1%lo", 7);
  EXPECT_EQ(scoped->endpoints[0], (Endpoint{address("fe80::1"), 7, if_nametoindex("lo")}));
  EXPECT_THAT(error_of(loop, nobody, "fe80::1%nope0"), HasSubstr("no interface nope0"));
}

TEST(Resolver, MayBeDestroyedAtAnyMomentOfAQuestion) {
  EventLoop loop;
  int answered = 0;
  DnsServer server(loop, [](const Question& question) {
    return question.family == Family::v4 ? test::answer(question, {address("192.0.2.7")}, 5) : test::Answer();
  });
  const ResolverOptions options{.servers = server.address(), .timeout = 10ms, .tries = 2};
  const Resolver::Done done = [&](const Result<Resolved>&) { ++answered; };
  for (int turns = 0; turns < 6; ++turns) {
    auto lookup = Resolver(loop, options).resolve("vpn.example.net", 1, done);
    for (int i = 0; i < turns && lookup.pending(); ++i) loop.run_once(1ms);
    lookup = {};
    EXPECT_FALSE(lookup.pending());
  }
  {
    const auto numeric = Resolver(loop, options).resolve("192.0.2.7", 1, done);
  }
  const int before = answered;
  while (loop.run_once(30ms)) continue;
  EXPECT_EQ(answered, before) << "a question that was given up is never answered";
}

TEST(Resolver, MayBeDestroyedByItsAnswer) {
  EventLoop loop;
  DnsServer server(loop, [](const Question& question) { return test::answer(question, {address("192.0.2.7")}, 5); });
  Resolver resolver(loop, {.servers = server.address()});
  Lookup lookup;
  int answered = 0;
  lookup = resolver.resolve("vpn.example.net", 1, [&](const Result<Resolved>&) {
    ++answered;
    // And another question may take its place.
    lookup = resolver.resolve("192.0.2.7", 1, [&](const Result<Resolved>&) { ++answered, lookup = {}; });
  });
  while (answered < 2) loop.run_once();
  EXPECT_FALSE(lookup.pending());
}

/// Puts `text` in the place of a file of the host, for this thread alone.
class FileInPlaceOf {
 public:
  explicit FileInPlaceOf(const char* path) {
    EXPECT_EQ(unshare(CLONE_FS | CLONE_NEWNS), 0);
    EXPECT_EQ(mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
    std::string name = std::filesystem::temp_directory_path() / "adit-test-XXXXXX";
    const FileDescriptor made(mkstemp(name.data()));
    file_ = name;
    EXPECT_EQ(mount(name.c_str(), std::filesystem::canonical(path).c_str(), nullptr, MS_BIND, nullptr), 0);
  }
  ~FileInPlaceOf() { std::filesystem::remove(file_); }
  FileInPlaceOf(const FileInPlaceOf&) = delete;
  FileInPlaceOf& operator=(const FileInPlaceOf&) = delete;
  void write(const std::string& text) const { std::ofstream(file_) << text; }

 private:
  std::filesystem::path file_;
};

TEST(Resolver, HonoursTheHostsFile) {
  in_namespace([] {
    const FileInPlaceOf hosts("/etc/hosts");
    hosts.write("192.0.2.44 far far.example.net\n2001:db8::44 far.example.net\n");
    EventLoop loop;
    DnsServer server(loop, [](const Question& question) { return test::refuse(question, Rcode::nxdomain); });
    const auto result = resolve(loop, {.servers = server.address()}, "far.example.net");
    ASSERT_TRUE(result) << result.error().message;
    EXPECT_THAT(result->endpoints,
                UnorderedElementsAre(endpoint("192.0.2.44:51820"), endpoint("[2001:db8::44]:51820")));
    EXPECT_FALSE(result->time_to_live);
    EXPECT_EQ(server.questions(), 0);
  });
}

TEST(Resolver, SeesANewResolvConfWithTheNextQuestion) {
  in_namespace([] {
    const FileInPlaceOf resolv_conf("/etc/resolv.conf");
    EventLoop loop;
    DnsServer first(
        loop, [](const Question& question) { return test::answer(question, {address("192.0.2.1")}, 5); },
        address("127.0.0.1"), 53);
    DnsServer second(
        loop, [](const Question& question) { return test::answer(question, {address("192.0.2.2")}, 5); },
        address("127.0.0.2"), 53);
    resolv_conf.write("nameserver 127.0.0.1\n");
    EXPECT_THAT(resolve(loop, {}, "vpn.example.net")->endpoints, UnorderedElementsAre(endpoint("192.0.2.1:51820")));
    resolv_conf.write("nameserver 127.0.0.2\n");
    EXPECT_THAT(resolve(loop, {}, "vpn.example.net")->endpoints, UnorderedElementsAre(endpoint("192.0.2.2:51820")));
  });
}

/// A host with systemd-resolved, which has one more server.
class Resolved53 {
 public:
  explicit Resolved53(EventLoop& loop) : loop_(loop) {
    resolv_conf_.write("nameserver 127.0.0.53\n");
    std::ofstream(list_) << "nameserver 127.0.0.1\n";
  }
  ResolverOptions options() const { return {.timeout = 60s, .tries = 1, .servers_of_resolved = list_}; }
  DnsServer itself(std::function<test::Answer(const Question&)> answer) const {
    return DnsServer(loop_, std::move(answer), address("127.0.0.53"), 53);
  }
  DnsServer uplink(std::function<test::Answer(const Question&)> answer) const {
    return DnsServer(loop_, std::move(answer), address("127.0.0.1"), 53);
  }

 private:
  EventLoop& loop_;
  const FileInPlaceOf resolv_conf_{"/etc/resolv.conf"};
  const adit::test::TemporaryDirectory directory_;
  std::string list_ = directory_.path() / "list";
};

TEST(Resolver, AsksTheUplinksServersInPlaceOfResolvedWhichMightAskThroughTheLink) {
  in_namespace([] {
    EventLoop loop;
    const Resolved53 host(loop);
    const auto silent = host.itself([](const Question&) { return test::Answer(); });
    const auto uplink =
        host.uplink([](const Question& question) { return test::answer(question, {address("192.0.2.1")}, 5); });
    EXPECT_THAT(resolve(loop, host.options(), "vpn.example.net")->endpoints,
                UnorderedElementsAre(endpoint("192.0.2.1:51820")));
    EXPECT_EQ(silent.questions(), 0);
  });
}

TEST(Resolver, AsksResolvedForWhatTheUplinksServersDoNotKnow) {
  in_namespace([] {
    EventLoop loop;
    const Resolved53 host(loop);
    bool known = true;
    const auto resolved = host.itself([&known](const Question& question) {
      return known ? test::answer(question, {address("192.0.2.2")}, 5) : test::refuse(question, Rcode::servfail);
    });
    const auto uplink = host.uplink([](const Question& question) { return test::refuse(question, Rcode::nxdomain); });
    EXPECT_THAT(resolve(loop, host.options(), "vpn.example.net")->endpoints,
                UnorderedElementsAre(endpoint("192.0.2.2:51820")));
    known = false;
    EXPECT_EQ(error_of(loop, host.options(), "vpn.example.net"),
              "cannot resolve vpn.example.net: there is no such name");
  });
}

TEST(Resolver, MarksItsQuestionsSoThatTheyDoNotEnterTheLinkTheyAreFor) {
  in_namespace([] {
    // Marked datagrams to the name server reach it; all others go nowhere.
    test::run("ip addr add 192.0.2.53/32 dev lo");
    test::run(
        "ip rule add pref 1 fwmark 0x51 lookup local; ip rule add pref 2 to 192.0.2.53 ipproto 17 dport 5353 "
        "unreachable; ip rule del pref 0; ip rule add pref 3 lookup local");
    EventLoop loop;
    DnsServer server(
        loop, [](const Question& question) { return test::answer(question, {address("192.0.2.7")}, 5); },
        address("192.0.2.53"), 5353);
    ResolverOptions options{.servers = "192.0.2.53:5353", .timeout = 1s, .tries = 1};
    EXPECT_FALSE(resolve(loop, options, "vpn.example.net"));
    EXPECT_EQ(server.questions(), 0);
    options.fwmark = 0x51;
    options.timeout = 60s;
    EXPECT_TRUE(resolve(loop, options, "vpn.example.net"));
  });
}

}  // namespace
}  // namespace adit::net
