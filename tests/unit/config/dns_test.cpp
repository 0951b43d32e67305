// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include "config/difference.h"
#include "config/expect_problems.h"

namespace adit::config {
namespace {

std::string with_dns(std::string_view dns) {
  return Parts().text() + fmt::format("dns: {}\n", dns);
}

TEST(Dns, ServersAreAddressesAndDomainsNames) {
  const Folder folder;
  const auto config =
      folder.read(with_dns("{servers: [10.9.0.2, fd09::2], domains: [example.com., ~Example.net, ~.]}"));
  ASSERT_TRUE(config) << folder.texts(config)[0];
  EXPECT_EQ(config->dns.servers, (std::vector{*IpAddress::parse("10.9.0.2"), *IpAddress::parse("fd09::2")}));
  EXPECT_EQ(config->dns.domains, (std::vector<std::string>{"example.com", "~Example.net", "~."}));
}

TEST(Dns, WhatIsNoneIsAProblem) {
  const Folder folder;
  expect_problems(folder, with_dns("{servers: [ns.example.com, 0.0.0.0, 224.0.0.1, \"10.9.0.2:53\"]}"),
                  {{"7:17: dns.servers[0]", "is not an IP address; write one such as 10.9.0.2, without a port"},
                   {"7:33: dns.servers[1]", "unspecified"},
                   {"7:42: dns.servers[2]", "multicast"},
                   {"7:53: dns.servers[3]", "without a port"}});
  expect_problems(folder, with_dns("{servers: [10.9.0.2], domains: [., a b, ~, -x]}"),
                  {{"7:38: dns.domains[0]", "is not a domain; write one such as example.com"},
                   {"7:41: dns.domains[1]", "is not a domain"},
                   {"7:46: dns.domains[2]", "has no value"},
                   {"7:49: dns.domains[3]", "is not a domain"}});
  expect_problems(folder, with_dns("{domains: [example.com]}"), {{"7:1: dns.servers", "is missing; it lists"}});
  expect_problems(folder, with_dns("{servers: []}"), {{"7:16: dns.servers", "is an empty list"}});
  expect_problems(folder, with_dns("{servers: [10.9.0.2], serves: []}"),
                  {{"7:28: dns.serves", "did you mean servers?"}});
}

TEST(Dns, ResolvedDoesNotKnowInterfacesOfOtherNamespaces) {
  const Folder folder;
  const Parts parts{.interface = Parts().interface + "  netns: office\n", .rest = "dns: {servers: [10.9.0.2]}\n"};
  expect_problems(folder, parts.text(), {{"3:10: interface.netns", "into /etc/netns/office/resolv.conf"}});
}

TEST(Dns, AnEditIsADifference) {
  const Folder folder;
  const auto before = folder.read(with_dns("{servers: [10.9.0.2], domains: [~.]}"));
  const auto after = folder.read(with_dns("{servers: [10.9.0.2]}"));
  ASSERT_TRUE(before && after);
  const auto changes = difference(*before, *after);
  ASSERT_EQ(changes.size(), 1);
  EXPECT_EQ(to_string(changes[0]), "dns.domains: the default, was [\"~.\"]");
}

}  // namespace
}  // namespace adit::config
