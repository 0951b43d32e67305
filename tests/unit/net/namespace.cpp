// SPDX-License-Identifier: MIT
#include "net/namespace.h"

#include <fmt/core.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/syscall.h>
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

std::string network_dump() {
  return run(
      "ip -d link; ip addr | sed 's/valid_lft.*//'; ip route show table all; ip -6 route show table all; ip rule; "
      "ip -6 rule");
}

void drop_capabilities() {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> none{};
  if (syscall(SYS_capset, &header, none.data()) != 0) ADD_FAILURE() << "cannot drop capabilities";
}

}  // namespace adit::net::test
