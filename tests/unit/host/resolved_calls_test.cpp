// SPDX-License-Identifier: MIT
// The messages are read back where they were written: no bus is needed, only something that looks like the way to one.
#include "host/resolved_calls.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/file_descriptor.h"

namespace adit::host {
namespace {

const IpAddress kV4 = IpAddress::parse("10.9.0.2").value();
const IpAddress kV6 = IpAddress::parse("fd09::2").value();

class ResolvedCalls : public testing::Test {
 protected:
  struct Property {
    const char* name;
    const char* type;
    std::function<int(sd_bus_message*)> value;
  };

  ResolvedCalls() {
    std::array<int, 2> ends{};
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()), 0);
    EXPECT_GE(sd_bus_new(&bus_), 0);
    EXPECT_GE(sd_bus_set_fd(bus_, ends[0], ends[0]), 0);
    EXPECT_GE(sd_bus_start(bus_), 0);
    other_end_ = FileDescriptor(ends[1]);
  }
  ~ResolvedCalls() override { sd_bus_close_unref(bus_); }

  static void rewind(const BusMessage& message) {
    ASSERT_NE(message, nullptr);
    EXPECT_GE(sd_bus_message_seal(message.get(), 1, 0), 0);
    EXPECT_GE(sd_bus_message_rewind(message.get(), 1), 0);
  }

  /// As resolved answers `look`; a signal, since its contents are what counts.
  BusMessage answer(const std::vector<Property>& properties) {
    sd_bus_message* made = nullptr;
    EXPECT_GE(sd_bus_message_new_signal(bus_, &made, "/a", "a.a", "a"), 0);
    BusMessage message(made);
    EXPECT_GE(sd_bus_message_open_container(made, 'a', "{sv}"), 0);
    for (const auto& property : properties) {
      EXPECT_GE(sd_bus_message_open_container(made, 'e', "sv"), 0);
      EXPECT_GE(sd_bus_message_append(made, "s", property.name), 0);
      EXPECT_GE(sd_bus_message_open_container(made, 'v', property.type), 0);
      EXPECT_GE(property.value(made), 0);
      EXPECT_GE(sd_bus_message_close_container(made), 0);
      EXPECT_GE(sd_bus_message_close_container(made), 0);
    }
    EXPECT_GE(sd_bus_message_close_container(made), 0);
    rewind(message);
    return message;
  }

  static Property servers(const std::vector<IpAddress>& list) {
    return {"DNS", "a(iay)", [list](sd_bus_message* message) {
              EXPECT_GE(sd_bus_message_open_container(message, 'a', "(iay)"), 0);
              for (const auto& server : list) {
                const auto bytes = server.bytes();
                EXPECT_GE(sd_bus_message_open_container(message, 'r', "iay"), 0);
                EXPECT_GE(sd_bus_message_append(message, "i", server.is_v4() ? AF_INET : AF_INET6), 0);
                EXPECT_GE(sd_bus_message_append_array(message, 'y', bytes.data(), bytes.size()), 0);
                EXPECT_GE(sd_bus_message_close_container(message), 0);
              }
              return sd_bus_message_close_container(message);
            }};
  }
  static Property domains(bool any) {
    return {"Domains", "a(sb)", [any](sd_bus_message* message) {
              return any ? sd_bus_message_append(message, "a(sb)", 2, "example.com", 0, ".", 1)
                         : sd_bus_message_append(message, "a(sb)", 0);
            }};
  }
  static Property default_route(bool on) {
    return {"DefaultRoute", "b", [on](sd_bus_message* message) { return sd_bus_message_append(message, "b", on); }};
  }
  static Property unknown(const char* name) {
    return {name, "(st)", [](sd_bus_message* message) { return sd_bus_message_append(message, "(st)", "x", 1ULL); }};
  }

  bool as_told(const std::vector<Property>& properties, const config::Dns& dns) {
    return is_as_told(answer(properties).get(), dns);
  }

  sd_bus* bus_ = nullptr;
  FileDescriptor other_end_;
};

TEST_F(ResolvedCalls, ServersForSomeDomainsAreForNothingElse) {
  const auto default_route_of = [this](std::vector<std::string> domains) {
    const auto call =
        make_call(bus_, ResolvedStep::default_route, 7, {.servers = {kV4}, .domains = std::move(domains)});
    rewind(call);
    int interface = 0;
    int on = -1;
    EXPECT_GT(sd_bus_message_read(call.get(), "ib", &interface, &on), 0);
    EXPECT_EQ(interface, 7);
    return on;
  };
  EXPECT_EQ(default_route_of({}), 1);
  EXPECT_EQ(default_route_of({"example.com", "~."}), 1);
  EXPECT_EQ(default_route_of({"example.com", "~example.net"}), 0);
}

TEST_F(ResolvedCalls, ADomainIsOneToSearchInAsWellUnlessItSaysOtherwise) {
  const auto call =
      make_call(bus_, ResolvedStep::domains, 7, {.servers = {kV4}, .domains = {"example.com", "~example.net"}});
  rewind(call);
  auto* const message = call.get();
  int interface = 0;
  EXPECT_GT(sd_bus_message_read(message, "i", &interface), 0);
  EXPECT_EQ(interface, 7);
  std::vector<std::pair<std::string, bool>> told;
  const char* domain = nullptr;
  int routing_only = -1;
  ASSERT_GT(sd_bus_message_enter_container(message, 'a', "(sb)"), 0);
  while (sd_bus_message_read(message, "(sb)", &domain, &routing_only) > 0) told.emplace_back(domain, routing_only != 0);
  EXPECT_EQ(told, (std::vector<std::pair<std::string, bool>>{{"example.com", false}, {"example.net", true}}));
}

TEST_F(ResolvedCalls, WhatTheLinkWasToldIsRecognised) {
  const config::Dns dns{.servers = {kV4, kV6}, .domains = {"example.com", "~."}};
  EXPECT_TRUE(as_told({unknown("A"), servers({kV4, kV6}), domains(true), default_route(true), unknown("Z")}, dns));
  EXPECT_TRUE(as_told({servers({kV6, kV4})}, dns)) << "in any order";
  EXPECT_TRUE(as_told({servers({kV4}), domains(false)}, {.servers = {kV4, kV4}, .domains = {}})) << "each once";
}

TEST_F(ResolvedCalls, WhatAnotherProgramChangedIsSeen) {
  const config::Dns dns{.servers = {kV4, kV6}, .domains = {"~."}};
  EXPECT_FALSE(as_told({servers({}), domains(false), default_route(true)}, dns)) << "reverted";
  EXPECT_FALSE(as_told({servers({kV4}), domains(true)}, dns));
  EXPECT_FALSE(as_told({servers({kV4, kV6, IpAddress::parse("10.9.0.3").value()}), domains(true)}, dns));
  EXPECT_FALSE(as_told({servers({kV4, kV6}), domains(false)}, dns));
  EXPECT_FALSE(as_told({servers({kV4, kV6}), domains(true), default_route(false)}, dns));
}

TEST_F(ResolvedCalls, WhatCannotBeReadChangesNothing) {
  const config::Dns dns{.servers = {kV4}, .domains = {}};
  EXPECT_TRUE(as_told({}, dns));
  EXPECT_TRUE(as_told({unknown("DNS"), unknown("Domains"), unknown("DefaultRoute")}, dns)) << "other types";
  sd_bus_message* made = nullptr;
  EXPECT_GE(sd_bus_message_new_signal(bus_, &made, "/a", "a.a", "a"), 0);
  const BusMessage other(made);
  EXPECT_GE(sd_bus_message_append(made, "s", "no dictionary"), 0);
  rewind(other);
  EXPECT_TRUE(is_as_told(made, dns));
}

}  // namespace
}  // namespace adit::host
