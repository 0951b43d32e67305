// SPDX-License-Identifier: MIT
#include "namespace.h"

#include <fmt/core.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <exception>
#include <thread>

#include "net/io.h"

namespace adit::net::test {

void in_namespace(const std::function<void()>& body) {
  std::thread thread([&] {
    if (unshare(CLONE_NEWNET) != 0) {
      ADD_FAILURE() << "cannot make a network namespace, " << describe(errno) << ": run the tests as root";
      return;
    }
    try {
      run("ip link set lo up");
      body();
    } catch (const std::exception& error) {
      ADD_FAILURE() << "threw " << error.what();
    }
  });
  thread.join();
}

std::string run(const std::string& command) {
  FILE* pipe = popen(("set -e; exec 2>&1; " + command).c_str(), "re");
  if (pipe == nullptr) {
    ADD_FAILURE() << "cannot run " << command;
    return {};
  }
  std::string output;
  std::array<char, 4096> part{};
  while (const auto size = std::fread(part.data(), 1, part.size(), pipe)) output.append(part.data(), size);
  const int status = pclose(pipe);
  if (status != 0) ADD_FAILURE() << command << " ended with " << status << ": " << output;
  return output;
}

void make_veth_pair() {
  run("ip link add veth-a address 02:00:00:00:00:0a type veth peer name veth-b");
  for (const auto* name : {"veth-a", "veth-b"})
    run(fmt::format("ip link set {0} addrgenmode none; ip link set {0} up", name));
}

void await_ipv6(const std::string& address) {
  run(
      fmt::format("i=0; until ip -6 route show table local | grep -q '^local {} '; do i=$((i + 1)); "
                  "[ $i -lt 1000 ] || exit 1; sleep 0.01; done",
                  address));
}

void add_ipv6(const std::string& address, unsigned prefix, const std::string& device) {
  run(fmt::format("ip addr add {}/{} dev {} nodad", address, prefix, device));
  await_ipv6(address);
}

std::string network_dump() {
  // Without what changes by itself in its own time (carrier, what IPv6 derives from addresses), or cannot be undone (an
  // interface that was ever up has a queueing discipline; a TUN's vnet_hdr is chosen anew by each of its users).
  return run(
      "{ ip -d link; ip addr; ip route show table all; ip -6 route show table all; ip rule; ip -6 rule; } | "
      "sed -E 's/qdisc [a-z_]+|state [A-Z]+|,LOWER_UP|NO-CARRIER,|vnet_hdr [onf]+|linkdown|valid_lft.*//g; "
      "s/ +/ /g; s/ $//; /^(local|multicast|anycast) [0-9a-f]*:/d'");
}

void die() {
  _exit(testing::Test::HasFailure() ? 1 : 0);
}

void in_killed_process(const std::function<void()>& body) {
  const pid_t child = fork();
  if (child == 0) {
    body();
    die();
  }
  int status = -1;
  if (waitpid(child, &status, 0) != child || status != 0) ADD_FAILURE() << "the other process failed";
}

void drop_capabilities(std::initializer_list<int> keep) {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> sets{};
  for (const int capability : keep) {
    auto& set = sets.at(CAP_TO_INDEX(capability));
    set.permitted = set.effective = set.effective | CAP_TO_MASK(capability);
  }
  if (syscall(SYS_capset, &header, sets.data()) != 0) ADD_FAILURE() << "cannot drop capabilities";
}

}  // namespace adit::net::test
