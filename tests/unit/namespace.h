// SPDX-License-Identifier: MIT
// A network of its own for a test: a thread in a fresh network namespace, gone with the thread. What the test opens,
// and the programs it runs, live in there; the host's network is never touched. Needs CAP_SYS_ADMIN.
#pragma once

#include <functional>
#include <initializer_list>
#include <string>

namespace adit::net::test {

/// Runs `body` in a new network namespace in which only lo is up. Assertions in it count for the running test.
void in_namespace(const std::function<void()>& body);

/// Runs a shell command in this thread's namespace and returns what it printed. A status other than 0 is a failure.
std::string run(const std::string& command);

/// Two Ethernet interfaces, veth-a (02:00:00:00:00:0a) and veth-b, up and joined by a wire, without addresses.
void make_veth_pair();

/// Waits until the kernel has put a fresh IPv6 address to use, which it does in its own time.
void await_ipv6(const std::string& address);
/// `ip addr add` of an IPv6 address, without duplicate detection, and then await_ipv6.
void add_ipv6(const std::string& address, unsigned prefix, const std::string& device);

/// Links, addresses, routes of all tables and rules, as text: equal before and after means that nothing is left.
std::string network_dump();

/// Runs `body` in a process of its own, which should end with die().
void in_killed_process(const std::function<void()>& body);
/// As if killed: no destructor runs, nothing is cleaned up.
[[noreturn]] void die();

/// Takes all capabilities but those to `keep` (CAP_NET_ADMIN…) from this thread alone, for good.
void drop_capabilities(std::initializer_list<int> keep = {});

}  // namespace adit::net::test
