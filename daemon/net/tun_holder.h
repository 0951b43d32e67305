// SPDX-License-Identifier: MIT
// Who has a TUN interface open. The kernel says so in /proc/PID/fdinfo, of those processes that we may look into.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace adit::net {

/// "aditd (process 123)", each process once. Of the network namespaces of this process and of this thread only:
/// elsewhere the name is another interface's.
std::vector<std::string> holders_of_tun(const std::string& interface, const std::filesystem::path& proc = "/proc");

}  // namespace adit::net
