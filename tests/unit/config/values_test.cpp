// SPDX-License-Identifier: MIT
// One wrong value at a time (config/sections.cpp, config/fields.cpp, config/address_fields.cpp).
#include <gtest/gtest.h>

#include "config/expect_problems.h"

namespace adit::config {
namespace {

struct Row {
  std::string_view line;
  std::string_view where;
  std::string_view reason;
};

TEST(Values, OfTheInterface) {
  const Folder folder;
  const Row table[] = {
      {"name: sixteen-letters-", "3:9: interface.name", "is 16 bytes long; the kernel takes at most 15"},
      {"name: a/b", "3:9: interface.name", "cannot name an interface"},
      {"name: a b", "3:9: interface.name", "cannot name an interface"},
      {"name: 'a:b'", "3:9: interface.name", "cannot name an interface"},
      {"name: tun%d", "3:9: interface.name", "cannot name an interface"},
      {"name: tunnél", "3:9: interface.name", "\"tunn\xc3\xa9l\" cannot name an interface"},
      {"name: .", "3:9: interface.name", "the kernel refuses it"},
      {"name: ..", "3:9: interface.name", "the kernel refuses it"},
      {"name: all", "3:9: interface.name", "the kernel refuses it"},
      {"name: default", "3:9: interface.name", "the kernel refuses it"},
      {"name: lo", "3:9: interface.name", "loopback"},
      {"name: ''", "3:9: interface.name", "is empty"},
      {"name: 42", "3:9: interface.name", "without quotes this is a number to YAML"},
      {"name: 1.5", "3:9: interface.name", "without quotes this is a number to YAML"},
      {"name: 0x1f", "3:9: interface.name", "without quotes this is a number to YAML"},
      {"name: true", "3:9: interface.name", "without quotes this is a boolean to YAML"},
      {"name: [a]", "3:9: interface.name", "is a list; write a single value"},
      {"name: {a: b}", "3:3: interface.name", "is a mapping; write a single value"},
      {"mtu: 575", "3:8: interface.mtu", "is not auto or a whole number from 576 to 65455"},
      {"mtu: 65456", "3:8: interface.mtu", "is not auto or a whole number from 576 to 65455"},
      {"mtu: -1400", "3:8: interface.mtu", "is not auto or a whole number"},
      {"mtu: 1400.0", "3:8: interface.mtu", "is not auto or a whole number"},
      {"mtu: 01400", "3:8: interface.mtu", "is not auto or a whole number"},
      {"mtu: 1_400", "3:8: interface.mtu", "is not auto or a whole number"},
      {"mtu: 99999999999999999999", "3:8: interface.mtu", "is not auto or a whole number"},
      {"mtu: ''", "3:8: interface.mtu", "is not auto or a whole number"},
      {"mtu: '1400'", "3:8: interface.mtu", "remove the quotes"},
      {"mtu: [1400]", "3:8: interface.mtu", "is a list; write auto or a whole number"},
      {"queue_length: 0", "3:17: interface.queue_length", "is not a whole number from 1 to 1000000"},
      {"owner: no-such-user-here", "3:10: interface.owner", "there is no user \"no-such-user-here\" on this host"},
      {"owner: 4294967295", "3:10: interface.owner", "there is no user"},
      {"group: no-such-group-here", "3:10: interface.group", "there is no group \"no-such-group-here\" on this host"},
      {"persist: yes", "3:12: interface.persist", "\"yes\" is not a boolean; write true or false"},
      {"persist: 'true'", "3:12: interface.persist", "is not a boolean"},
      {"multicast: 1", "3:14: interface.multicast", "is not a boolean"},
      {"multicast: []", "3:14: interface.multicast", "is a list; write true or false"},
      {"mode: bridge", "3:9: interface.mode", "is no mode; write tun for IP packets, or tap for Ethernet frames"},
      {"mac: '02:00:00:00:00:01'", "3:8: interface.mac", "is for `mode: tap` only"},
      {"bridge: br0", "3:11: interface.bridge", "is for `mode: tap` only"},
      {"tunnel_address: 10.9.0.1/30", "3:19: interface.tunnel_address", "is for `mode: tap` only"},
      {"tunnel_peer: 10.9.0.2", "3:16: interface.tunnel_peer", "is for `mode: tap` only"},
      {"netns: a/b", "3:10: interface.netns", "is no network namespace; write its name as `ip netns list` has it"},
      {"netns: /run/netns/", "3:10: interface.netns", "is no network namespace"},
      {"netns: ..", "3:10: interface.netns", "is no network namespace"},
      {"netns: ''", "3:10: interface.netns", "is empty"},
      {"netns: bürο", "3:10: interface.netns", "is no network namespace"},
      {"peer_addresses: 10.9.0.2", "3:19: interface.peer_addresses", "is a single value; write a list"},
      {"peer_addresses: [10.9.0.2/30]", "3:20: interface.peer_addresses[0]", "is not an IP address"},
      {"peer_addresses: [10.9.0.1]", "3:20: interface.peer_addresses[0]", "is this end's own address"},
      {"peer_addresses: [10.9.0.2, 10.9.0.3]", "3:30: interface.peer_addresses[1]", "has no IPv4 address"},
      {"peer_addresses: [fd09::2]", "3:20: interface.peer_addresses[0]", "has no IPv6 address"},
  };
  for (const auto& [line, where, reason] : table) {
    expect_problems(folder, Parts{.interface = Parts().interface + fmt::format("  {}\n", line)}.text(),
                    {{where, std::string(reason)}});
  }
}

TEST(Values, OfTheInterfacesAddresses) {
  const Folder folder;
  const Row table[] = {
      {"10.9.0.1/30", "2:14: interface.addresses", "is a single value; write a list"},
      {"[]", "2:14: interface.addresses", "is an empty list"},
      {"[10.9.0.1/33]", "2:15: interface.addresses[0]", "is not an address with a prefix"},
      {"[10.9.0.1/255.255.255.252]", "2:15: interface.addresses[0]", "has a netmask; write 10.9.0.1/30"},
      {"[10.9.0.1/]", "2:15: interface.addresses[0]", "is not an address with a prefix"},
      {"[10.9.0/24]", "2:15: interface.addresses[0]", "is not an address with a prefix"},
      {"['fe80::1%eth0/64']", "2:15: interface.addresses[0]", "is not an address with a prefix"},
      {"[10.9.0.1/0]", "2:15: interface.addresses[0]", "spans the whole Internet"},
      {"[10.9.0.0/30]", "2:15: interface.addresses[0]", "is the subnet itself"},
      {"[10.9.0.3/30]", "2:15: interface.addresses[0]", "is the subnet's broadcast address"},
      {"['fd09::/64']", "2:15: interface.addresses[0]", "is the subnet itself"},
      {"[0.0.0.0/8]", "2:15: interface.addresses[0]", "unspecified"},
      {"[224.0.0.1/24]", "2:15: interface.addresses[0]", "multicast"},
      {"['ff02::1/64']", "2:15: interface.addresses[0]", "multicast"},
      {"[127.0.0.1/8]", "2:15: interface.addresses[0]", "loopback"},
      {"['::1/128']", "2:15: interface.addresses[0]", "loopback"},
      {"['::ffff:10.9.0.1/126']", "2:15: interface.addresses[0]", "write it as IPv4"},
      {"[255.255.255.255/32]", "2:15: interface.addresses[0]", "broadcast"},
      {"[10.9.0.1/30, 10.9.0.1/32]", "2:28: interface.addresses[1]",
       "10.9.0.1 is given twice (interface.addresses[0] has it already)"},
      {"[~]", "2:15: interface.addresses[0]", "has no value"},
      {"[[10.9.0.1/30]]", "2:15: interface.addresses[0]", "is a list; write a single value"},
  };
  for (const auto& [value, where, reason] : table) {
    expect_problems(folder, Parts{.interface = fmt::format("  addresses: {}\n", value)}.text(),
                    {{where, std::string(reason)}});
  }
  // A lone pair or a single address has neither network nor broadcast address.
  for (const auto* value :
       {"[10.9.0.0/31]", "[10.9.0.1/31]", "[10.9.0.0/32]", "[10.9.0.5]", "['fd09::/127']", "['fd09::3/126']"}) {
    EXPECT_TRUE(folder.read(Parts{.interface = fmt::format("  addresses: {}\n", value)}.text())) << value;
  }
}

TEST(Values, OfMtuWithIpv6) {
  const Folder folder;
  const auto with = [](int mtu) {
    return Parts{.interface = fmt::format("  mtu: {}\n  addresses: [10.9.0.1/30, fd09::1/126]\n", mtu)}.text();
  };
  expect_problems(folder, with(1279), {{"2:8: interface.mtu", "1279 is too small for the IPv6 address"}});
  EXPECT_TRUE(folder.read(with(1280)));
  EXPECT_TRUE(folder.read(Parts{.interface = "  mtu: 576\n  addresses: [10.9.0.1/30]\n"}.text()));
  EXPECT_TRUE(folder.read(with(65455)));
}

TEST(Values, OfTheLocalEnd) {
  const Folder folder;
  const Row table[] = {
      {"listen: 65536", "5:11: local.listen", "is out of range"},
      {"listen: -1", "5:11: local.listen", "is no place to listen"},
      {"listen: vpn.example.net:51820", "5:11: local.listen", "addresses and not names"},
      {"listen: 192.0.2.1", "5:11: local.listen", "has no port"},
      {"listen: '2001:db8::1:51820'", "5:11: local.listen", "needs brackets"},
      {"listen: '[192.0.2.1]:51820'", "5:11: local.listen", "is no place to listen"},
      {"listen: '[2001:db8::1]'", "5:11: local.listen", "is no place to listen"},
      {"listen: '192.0.2.1:'", "5:11: local.listen", "is not a port number"},
      {"listen: '192.0.2.1:0x10'", "5:11: local.listen", "is not a port number"},
      {"listen: '*:51820'", "5:11: local.listen", "is no place to listen"},
      {"listen: 224.0.0.1:51820", "5:11: local.listen", "multicast"},
      {"listen: 10.9.0.1:51820", "5:11: local.listen", "is inside the tunnel (interface.addresses[0])"},
      {"listen: [51820]", "5:11: local.listen", "is a list"},
      {"device: a/b", "5:11: local.device", "cannot name an interface"},
      {"device: 5", "5:11: local.device", "put it in quotes"},
      {"fwmark: -1", "5:11: local.fwmark", "is not a whole number from 0 to 4294967295"},
      {"fwmark: 0x100000000", "5:11: local.fwmark", "is not a whole number"},
      {"fwmark: off", "5:11: local.fwmark", "is not a whole number"},
  };
  for (const auto& [line, where, reason] : table) {
    expect_problems(folder, Parts{.local = Parts().local + fmt::format("  {}\n", line)}.text(),
                    {{where, std::string(reason)}});
  }
  for (const auto* line :
       {"listen: '51820'", "listen: 0", "listen: 0.0.0.0:51820", "listen: '[::]:51820'", "device: lo"}) {
    EXPECT_TRUE(folder.read(Parts{.local = Parts().local + fmt::format("  {}\n", line)}.text())) << line;
  }
}

TEST(Values, OfThePeer) {
  const Folder folder;
  const std::string long_name =
      std::string(63, 'a') + "." + std::string(63, 'b') + "." + std::string(63, 'c') + "." + std::string(61, 'd');
  const auto longest = fmt::format("endpoint: {}:1", long_name);
  const auto too_long = fmt::format("endpoint: {}d:1", long_name);
  const auto long_label = fmt::format("endpoint: {}.net:1", std::string(64, 'a'));
  const Row table[] = {
      {"endpoint: vpn.example.net", "7:13: peer.endpoint", "has no port"},
      {"endpoint: vpn.example.net:0", "7:13: peer.endpoint", "port 0 cannot be reached"},
      {"endpoint: vpn.example.net:65536", "7:13: peer.endpoint", "is out of range"},
      {"endpoint: vpn.example.net:http", "7:13: peer.endpoint", "is not a port number"},
      {"endpoint: ':51820'", "7:13: peer.endpoint", "is neither an IP address nor a host name"},
      {"endpoint: -vpn.example.net:1", "7:13: peer.endpoint", "is neither an IP address nor a host name"},
      {"endpoint: vpn-.example.net:1", "7:13: peer.endpoint", "is neither an IP address nor a host name"},
      {"endpoint: vpn..example.net:1", "7:13: peer.endpoint", "is neither an IP address nor a host name"},
      {"endpoint: .example.net:1", "7:13: peer.endpoint", "is neither an IP address nor a host name"},
      {"endpoint: .:1", "7:13: peer.endpoint", "is neither an IP address nor a host name"},
      {"endpoint: \"vpn.e\u0301xample.net:1\"", "7:13: peer.endpoint", "is neither an IP address nor a host name"},
      {"endpoint: 192.0.2.300:1", "7:13: peer.endpoint", "is neither an IP address nor a host name"},
      {"endpoint: 192.0.2:1", "7:13: peer.endpoint", "is neither an IP address nor a host name"},
      {"endpoint: 'http://vpn.example.net:1'", "7:13: peer.endpoint",
       "write HOST:PORT, without http://: vpn.example.net:1"},
      {"endpoint: 'https://vpn.example.net/path'", "7:13: peer.endpoint", "without https://: vpn.example.net:51820"},
      {"endpoint: 'a.example:1,b.example:1'", "7:13: peer.endpoint", "make it a list"},
      {"endpoint: 'vpn.example.net 51820'", "7:13: peer.endpoint", "write vpn.example.net:51820"},
      {"endpoint: 'vpn.example.net:51820/udp'", "7:13: peer.endpoint", "write vpn.example.net:51820"},
      {"endpoint: 'vpn.example.net:'", "7:13: peer.endpoint",
       "has no port; write HOST:PORT, such as vpn.example.net:51820"},
      {"endpoint: '[vpn.example.net]:51820'", "7:13: peer.endpoint", "write vpn.example.net:51820"},
      {"endpoint: 'fe80::2%eth0:51820'", "7:13: peer.endpoint", "write \"[fe80::2%eth0]:51820\""},
      {"endpoint: [[2001:db8::7]:51820]", "7:14: peer.endpoint[0]", "put the address in quotes"},
      {"endpoint: 10.1.0.0/16:1", "7:13: peer.endpoint", "no prefix and no path"},
      {"endpoint: '2001:db8::7'", "7:13: peer.endpoint", "\"[2001:db8::7]:51820\", with the port that the peer"},
      {"endpoint: '2001:db8::7:443'", "7:13: peer.endpoint", "\"[2001:db8::7]:443\", or \"[2001:db8::7:443]:51820\""},
      {too_long, "7:13: peer.endpoint", "is neither an IP address nor a host name"},
      {long_label, "7:13: peer.endpoint", "is neither an IP address nor a host name"},
      {"endpoint: '2001:db8::7:51820'", "7:13: peer.endpoint", "needs brackets"},
      {"endpoint: '[2001:db8::7]'", "7:13: peer.endpoint", "has no port"},
      {"endpoint: '[192.0.2.7]:1'", "7:13: peer.endpoint", "is not of the form HOST:PORT; write 192.0.2.7:1"},
      {"endpoint: '[2001:db8::1%eth0]:1'", "7:13: peer.endpoint", "has a zone"},
      {"endpoint: '[fe80::1%]:1'", "7:13: peer.endpoint", "behind the %"},
      {"endpoint: '[fe80::1%a/b]:1'", "7:13: peer.endpoint", "has a '/' in it"},
      {"endpoint: '[vpn:1'", "7:13: peer.endpoint", "has no port"},
      {"endpoint: 0.0.0.0:1", "7:13: peer.endpoint", "unspecified"},
      {"endpoint: '[::]:1'", "7:13: peer.endpoint", "unspecified"},
      {"endpoint: '[ff02::1]:1'", "7:13: peer.endpoint", "multicast"},
      {"endpoint: 255.255.255.255:1", "7:13: peer.endpoint", "broadcast"},
      {"endpoint: '[::ffff:192.0.2.7]:1'", "7:13: peer.endpoint", "write it as IPv4"},
      {"endpoint: 10.9.0.2:51820", "7:13: peer.endpoint", "10.9.0.2 is inside the tunnel (interface.addresses[0])"},
      {"endpoint: '[fe80::1]:1'", "7:13: peer.endpoint", "or set local.device"},
      {"endpoint: []", "7:13: peer.endpoint", "is an empty list"},
      {"endpoint: {host: a}", "7:3: peer.endpoint", "is a mapping; write HOST:PORT in one"},
      {"endpoint: [a:1, b]", "7:19: peer.endpoint[1]", "has no port"},
      {"keepalive: 25", "7:14: peer.keepalive", "\"25\" is not a duration"},
      {"keepalive: 25 s", "7:14: peer.keepalive", "is not a duration"},
      {"keepalive: 25ms", "7:14: peer.keepalive", "is not a duration"},
      {"keepalive: s", "7:14: peer.keepalive", "is not a duration"},
      {"keepalive: -1s", "7:14: peer.keepalive", "is not a duration"},
      {"keepalive: 1.5m", "7:14: peer.keepalive", "is not a duration"},
      {"keepalive: 0x10s", "7:14: peer.keepalive", "is not a duration"},
      {"keepalive: false", "7:14: peer.keepalive", "is not a duration"},
      {"keepalive: 0s", "7:14: peer.keepalive", "is out of range; choose 1s to 65535s, or off"},
      {"keepalive: 65536s", "7:14: peer.keepalive", "is out of range"},
      {"keepalive: 19h", "7:14: peer.keepalive", "is out of range"},
      {"keepalive: 99999999999999999999h", "7:14: peer.keepalive", "is not a duration"},
      {"keepalive: 9999999999999999999h", "7:14: peer.keepalive", "is longer than anything here lasts"},
      {"allowed_ips: 0.0.0.0/0", "7:16: peer.allowed_ips", "is a single value; write a list"},
      {"allowed_ips: []", "7:16: peer.allowed_ips", "is an empty list"},
      {"allowed_ips: [10.9.0.1/30]", "7:17: peer.allowed_ips[0]", "did you mean 10.9.0.0/30?"},
      {"allowed_ips: ['fd09::1/64']", "7:17: peer.allowed_ips[0]", "did you mean fd09::/64?"},
      {"allowed_ips: [10.9.0.0/40]", "7:17: peer.allowed_ips[0]", "is not a subnet"},
      {"allowed_ips: [default]", "7:17: peer.allowed_ips[0]", "is not a subnet"},
      {"allowed_ips: [10.9.0.0/30, 10.0.0.0/8, 10.9.0.0/30]", "7:42: peer.allowed_ips[2]",
       "10.9.0.0/30 is given twice; keep one"},
  };
  for (const auto& [line, where, reason] : table) {
    expect_problems(folder, Parts{.peer = Parts().peer + fmt::format("  {}\n", line)}.text(),
                    {{where, std::string(reason)}});
  }
  for (const std::string_view line : {std::string_view(longest), std::string_view("endpoint: localhost:1"),
                                      std::string_view("endpoint: 3com.example:1"),
                                      std::string_view("endpoint: [192.0.2.7:1, '[2001:db8::7]:1', a.b:65535]"),
                                      std::string_view("keepalive: 65535s"), std::string_view("keepalive: 1092m"),
                                      std::string_view("keepalive: 18h"), std::string_view("keepalive: 'off'")}) {
    EXPECT_TRUE(folder.read(Parts{.peer = Parts().peer + fmt::format("  {}\n", line)}.text())) << line;
  }
}

TEST(Values, AKeepaliveLongerThanASessionIsWorthAWarning) {
  const Folder folder;
  const auto warnings = [&](std::string_view keepalive) {
    return expect_valid(folder, Parts{.peer = Parts().peer + fmt::format("  keepalive: {}\n", keepalive)}.text())
        .warnings;
  };
  EXPECT_TRUE(warnings("3m").empty());
  EXPECT_TRUE(warnings("'off'").empty());
  const auto longer = warnings("181s");
  ASSERT_EQ(longer.size(), 1);
  EXPECT_EQ(longer[0].key, "peer.keepalive");
  EXPECT_TRUE(longer[0].reason.starts_with("181s is longer than a session lives")) << longer[0].reason;
}

TEST(Values, AnEndpointThatARouteHoldsIsWorthAWarning) {
  const Folder folder;
  const auto with = [&](std::string_view endpoint, std::string_view route) {
    return expect_valid(folder, Parts{.peer = Parts().peer + fmt::format("  endpoint: {}\n", endpoint),
                                      .rest = fmt::format("routes: [{}]\n", route)}
                                    .text());
  };
  const auto inside = with("192.0.2.7:51820", "192.0.2.0/24");
  ASSERT_EQ(inside.warnings.size(), 1);
  EXPECT_TRUE(inside.warnings[0].reason.contains("192.0.2.7 lies in routes[0] (192.0.2.0/24)"))
      << inside.warnings[0].reason;
  EXPECT_TRUE(with("192.0.2.7:51820", "192.0.3.0/24").warnings.empty());
  EXPECT_TRUE(with("192.0.2.7:51820", "0.0.0.0/0").warnings.empty()) << "which is what a route for all is for";
  EXPECT_TRUE(with("192.0.2.7:51820", "{to: 192.0.2.0/24, table: 7}").warnings.empty());
  EXPECT_TRUE(with("vpn.example.net:51820", "192.0.2.0/24").warnings.empty());
}

TEST(Values, OfRoutes) {
  const Folder folder;
  const Row table[] = {
      {"{a: b}", "7:1: routes", "is a mapping; write a list"},
      {"[192.168.20.1/24]", "7:10: routes[0]", "did you mean 192.168.20.0/24?"},
      {"[everything]", "7:10: routes[0]", "is not a subnet"},
      {"[5]", "7:10: routes[0]", "put it in quotes"},
      {"[~]", "7:10: routes[0]", "has no value"},
      {"[[10.0.0.0/8]]", "7:10: routes[0]", "is a list; write a mapping with keys such as to, metric, table or source"},
      {"[{}]", "7:10: routes[0].to", "is missing"},
      {"[{metric: 5}]", "7:10: routes[0].to", "is missing"},
      {"[{to: 10.1.0.0/16, metric: 0}]", "7:36: routes[0].metric", "is not a whole number from 1 to 4294967295"},
      {"[{to: 10.1.0.0/16, table: 0}]", "7:35: routes[0].table", "is not a routing table"},
      {"[{to: 10.1.0.0/16, table: 4294967296}]", "7:35: routes[0].table", "is not a routing table"},
      {"[{to: 10.1.0.0/16, table: mine}]", "7:35: routes[0].table", "or main, default, local"},
      {"[{to: 10.1.0.0/16, source: 10.9.0.1/30}]", "7:36: routes[0].source", "is not an IP address"},
      {"[{to: 10.1.0.0/16, source: 10.9.0.2}]", "7:36: routes[0].source", "is not an address of this interface"},
      {"[{to: 10.1.0.0/16, source: 'fd09::1'}]", "7:36: routes[0].source", "is IPv6, and the route is IPv4"},
      {"[{to: default, table: 7, source: 10.9.0.1}]", "7:42: routes[0].source", "write 0.0.0.0/0 instead of default"},
      {"[{to: default, table: 7, source: 'fd09::1'}]", "7:42: routes[0].source", "write ::/0 instead of default"},
      {"[10.9.0.0/30]", "7:10: routes[0]", "is the interface's own subnet (interface.addresses[0])"},
      {"[{to: 10.9.0.0/30, table: main}]", "7:10: routes[0]", "is the interface's own subnet"},
      {"[10.1.0.0/16, 10.1.0.0/16]", "7:23: routes[1]", "is routed by routes[0] already"},
      {"[default, 0.0.0.0/0]", "7:19: routes[1]", "0.0.0.0/0 is routed by routes[0] already; keep one"},
      {"[10.1.0.0/16, {to: 10.1.0.0/16, table: 254}]", "7:23: routes[1]",
       "is routed by routes[0] already; keep one, or give them different metrics"},
  };
  const auto interface = "  addresses: [10.9.0.1/30, fd09::1/126]\n";
  for (const auto& [value, where, reason] : table) {
    expect_problems(folder, Parts{.interface = interface, .rest = fmt::format("routes: {}\n", value)}.text(),
                    {{where, std::string(reason)}});
  }
  expect_valid(folder, Parts{.rest = "routes: ['::/0']\n"}.text());  // which blocks IPv6
  expect_problems(folder, Parts{.rest = "routes: [{to: '::/0', table: 7}]\n"}.text(),
                  {{"7:10: routes[0]", "::/0 is IPv6, and the interface has no IPv6 address"}});
  const auto other_family = expect_valid(folder, Parts{.rest = "routes: ['fd20::/64']\n"}.text());
  ASSERT_EQ(other_family.warnings.size(), 1);
  EXPECT_NE(other_family.warnings[0].reason.find("with the address of another interface"), std::string::npos);
  for (const auto* value :
       {"[]", "[{to: 10.1.0.0/16, metric: 1}, {to: 10.1.0.0/16, metric: 2}]", "[10.0.0.0/8, 10.1.0.0/16]",
        "[{to: 10.9.0.0/30, table: 7}]", "[{to: '::/0', table: 7, source: 'fd09::1'}, 0.0.0.0/0]",
        "[{to: default, table: 7, metric: 5}]", "[{to: default, table: main, metric: 5}, default]"}) {
    EXPECT_TRUE(folder.read(Parts{.interface = interface, .rest = fmt::format("routes: {}\n", value)}.text())) << value;
  }
}

TEST(Values, OfADefaultRouteForTheWholeHostThatWouldHaveNoEffectAreRefused) {
  const Folder folder;
  const auto mend =
      "has no effect here: a default route for the whole host has neither metric nor source; remove it, or name a "
      "table";
  const auto with = [](std::string_view route) {
    return Parts{.interface = "  addresses: [10.9.0.1/30, fd09::1/126]\n", .rest = fmt::format("routes: [{}]\n", route)}
        .text();
  };
  expect_problems(folder, with("{to: default, metric: 5}"), {{"7:32: routes[0].metric", mend}});
  expect_problems(folder, with("{to: default, source: 10.9.0.1}"), {{"7:32: routes[0].source", mend}});
  expect_problems(folder, with("{to: 0.0.0.0/0, metric: 5}"), {{"7:34: routes[0].metric", mend}});
  expect_problems(folder, with("{to: '::/0', source: 'fd09::1'}"), {{"7:31: routes[0].source", mend}});
  expect_problems(folder, with("{source: 10.9.0.1, metric: 5, to: default}"),
                  {{"7:19: routes[0].source", mend}, {"7:37: routes[0].metric", mend}});
}

TEST(Values, OfEndpointsAgreeWithWhereWeListen) {
  const Folder folder;
  const auto local = Parts().local + "  listen: 192.0.2.1:51820\n";
  expect_problems(folder,
                  Parts{.local = local, .peer = Parts().peer + "  endpoint: [a.example:1, '[2001:db8::7]:1']\n"}.text(),
                  {{"8:27: peer.endpoint[1]", "is IPv6, but local.listen keeps this end to IPv4"}});
  EXPECT_TRUE(folder.read(
      Parts{.local = Parts().local + "  device: eth0\n", .peer = Parts().peer + "  endpoint: '[fe80::1]:1'\n"}.text()));
  const auto zoned = folder.read(Parts{.peer = Parts().peer + "  endpoint: '[fe80::1%eth0.7]:1'\n"}.text());
  ASSERT_TRUE(zoned);
  EXPECT_EQ(to_string(zoned->peer.endpoints[0]), "[fe80::1%eth0.7]:1");
}

TEST(Values, OfListsHaveLimitsWithinWhichReadingIsQuick) {
  const Folder folder;
  std::string many;
  for (int i = 0; i < 16'384; ++i) many += fmt::format("10.{}.{}.0/30, ", i / 256, i % 256);
  const auto allowed = Parts().peer + fmt::format("  allowed_ips: [{}]\n", many);
  EXPECT_TRUE(folder.read(Parts{.peer = allowed, .rest = "routes: [{to: 10.9.0.0/30, metric: 1}]\n"}.text()));
  EXPECT_TRUE(folder.read(Parts{
      .interface = "  addresses: [192.168.1.1/24]\n", .peer = allowed, .rest = fmt::format("routes: [{}]\n", many)}
                              .text()));
  expect_problems(folder, Parts{.peer = Parts().peer + fmt::format("  allowed_ips: [{}10.200.0.0/16]\n", many)}.text(),
                  {{"7:16: peer.allowed_ips", "has 16385 elements, and 16384 is the limit"}});
  std::string addresses;
  for (int i = 0; i < 257; ++i) addresses += fmt::format("10.9.{}.{}/32, ", i / 256, i % 256);
  expect_problems(folder, Parts{.interface = fmt::format("  addresses: [{}]\n", addresses)}.text(),
                  {{"2:14: interface.addresses", "has 257 elements, and 256 is the limit"}});
}

TEST(Values, OfTheLogLevel) {
  const Folder folder;
  expect_problems(folder, Parts().text() + "log: {level: wran}\n", {{"7:14: log.level", "(did you mean warn?)"}});
  expect_problems(folder, Parts().text() + "log: info\n", {{"7:6: log", "is a single value; write a mapping"}});
  EXPECT_EQ(folder.read(Parts().text() + "log: {level: error}\n")->log_level, LogLevel::error);
  EXPECT_EQ(folder.read(Parts().text() + "log: {}\n")->log_level, LogLevel::info);
}

}  // namespace
}  // namespace adit::config
