// SPDX-License-Identifier: MIT
#include "config/hook_advice.h"

#include <gtest/gtest.h>

#include "config/folder.h"

namespace adit::config {
namespace {

std::string troubles(const std::string& line) {
  std::string all;
  for (const auto& each : hook_troubles({{line}, true})) all += each + "\n";
  return all;
}

TEST(HookAdvice, NamesWhatIsKnownToFailWithTheMend) {
  const std::pair<std::string, std::string> table[] = {
      {"sysctl -w net.ipv4.ip_forward=1", "write `interface.forward: true` instead"},
      {"sysctl -q -w net.ipv6.conf.all.forwarding=1", "write `interface.forward: true` instead"},
      {"/sbin/sysctl -w net.ipv4.conf.all.rp_filter=2", "net.ipv4.conf.all.rp_filter = 2 into /etc/sysctl.d"},
      {"sysctl -p", "write the setting into /etc/sysctl.d"},
      {"echo 1 > /proc/sys/net/ipv4/ip_forward", "write `interface.forward: true` instead"},
      {"echo 1 >/proc/sys/net/ipv4/conf/all/proxy_arp", "net.ipv4.conf.all.proxy_arp = VALUE"},
      {"echo 1 | tee /proc/sys/net/ipv4/ip_forward", "write `interface.forward: true` instead"},
      {"sudo ip link set up eth1", "sudo fails there"},
      {"a; b && /usr/bin/systemctl restart dnsmasq", "systemctl fails there"},
      {"modprobe nf_nat || true", "/etc/modules-load.d/adit.conf"},
      {"ping -c 3 10.9.0.2", "ping fails there"},
      {"if true; then ping 10.9.0.2; fi", "ping fails there"},
      {"bash -c 'ping 10.9.0.2'", "ping fails there"},
      {"FOO=1 resolvectl dns wg0 10.9.0.1", "write dns.servers instead"},
      {"/usr/bin/env ping x", "ping fails there"},
      {"/etc/init.d/dnsmasq restart", "may not start or stop units"},
      {"~/up.sh", "~/up.sh cannot be read there"},
      {"/root/up.sh", "/root/up.sh cannot be read there"},
      {"/bin/sh /home/alice/up.sh wg0", "/home/alice/up.sh cannot be read there"},
      {"cp /tmp/x /etc/resolv.conf", "writing to /etc/resolv.conf fails there"},
      {"date >> /var/log/wg.log", "writing to /var/log/wg.log fails there"},
      {"ip netns exec a ip link", "ip netns fails there"},
      {"ufw route allow in on wg0", "ufw fails there"},
      {"wg set wg0 fwmark 5", "wg fails there: its socket is for root alone"},
  };
  for (const auto& [line, mend] : table) {
    EXPECT_NE(troubles(line).find(mend), std::string::npos) << line << "\n" << troubles(line);
  }
  EXPECT_EQ(hook_troubles({{"ping", "10.9.0.2"}}).size(), 1);
  EXPECT_EQ(hook_troubles({{"bash", "-eo", "pipefail", "-c", "a | b; ping x; ping y"}}).size(), 1) << "each thing once";
}

TEST(HookAdvice, SaysNothingOfWhatWorks) {
  for (const std::string line :
       {"sysctl -w net.ipv6.conf.wg0.autoconf=0", "echo 0 >/proc/sys/net/ipv6/conf/wg0/accept_ra",
        "iptables -A FORWARD -i wg0 -j ACCEPT", "nft -f /etc/adit/office.nft", "ip rule add table 100",
        "iptables -t nat -A POSTROUTING -o eth0 -j MASQUERADE; iptables -A INPUT -j ACCEPT",
        "logger -t wg 'ping is up'", "/usr/local/sbin/announce >/dev/null 2>&1", "echo up > /run/adit/office.state",
        "cat /proc/sys/net/ipv4/ip_forward", "curl -s https://example.net/up", "cat /etc/hosts > /tmp/x", "echo sysctl",
        ""}) {
    EXPECT_EQ(troubles(line), "") << line;
  }
}

TEST(HookAdvice, IsAWarningOfTheFile) {
  const Folder folder;
  const auto read = folder.read(Parts{.rest = "hooks:\n  up:\n    - nft list tables\n    - ping 10.9.0.2\n"}.text());
  ASSERT_TRUE(read);
  ASSERT_EQ(read->warnings.size(), 1);
  EXPECT_NE(to_string(read->warnings[0]).find("link.yaml:10:7: hooks.up[1]: under the unit this runs as"),
            std::string::npos)
      << to_string(read->warnings[0]);
}

TEST(HookAdvice, SeesNameServersThatDnsSetsToo) {
  const Folder folder;
  const auto read = folder.read(
      Parts{.rest = "hooks: {up: 'resolvectl dns $ADIT_INTERFACE 10.9.0.2'}\ndns: {servers: [10.9.0.2]}\n"}.text());
  ASSERT_TRUE(read);
  bool said = false;
  for (const auto& warning : read->warnings) said |= warning.reason.starts_with("a hook sets name servers too");
  EXPECT_TRUE(said);
  EXPECT_FALSE(sets_name_servers({{"nft list tables"}, true}));
  EXPECT_TRUE(sets_name_servers({{"bash", "-eo", "pipefail", "-c", "printf x | resolvconf -a tun.wg0"}}));
}

}  // namespace
}  // namespace adit::config
