// SPDX-License-Identifier: MIT
#include "net/tun_holder.h"

#include <fmt/core.h>

#include <algorithm>
#include <fstream>
#include <set>

namespace adit::net {
namespace {

namespace fs = std::filesystem;

/// The directory changes while it is read, and others' processes may not be looked into: what cannot be had is left
/// out.
std::vector<fs::path> entries_of(const fs::path& directory) {
  std::vector<fs::path> list;
  std::error_code error;
  fs::directory_iterator at(directory, error);
  while (!error && at != fs::directory_iterator()) {
    list.push_back(at->path());
    at.increment(error);
  }
  return list;
}

bool has_open(const fs::path& process, const std::string& interface) {
  const auto wanted = "iff:\t" + interface;
  return std::ranges::any_of(entries_of(process / "fdinfo"), [&](const fs::path& descriptor) {
    std::ifstream file(descriptor);
    for (std::string line; std::getline(file, line);) {
      if (line == wanted) return true;
    }
    return false;
  });
}

std::string namespace_of(const fs::path& process) {
  std::error_code error;
  return fs::read_symlink(process / "ns/net", error).native();
}

}  // namespace

std::vector<std::string> holders_of_tun(const std::string& interface, const fs::path& proc) {
  // A daemon with interface.netns lives in one namespace and has its interface in another.
  const std::set<std::string> meant{namespace_of(proc / "self"), namespace_of(proc / "thread-self")};
  std::vector<std::string> holders;
  for (const auto& process : entries_of(proc)) {
    const auto pid = process.filename().native();
    if (pid.find_first_not_of("0123456789") != std::string::npos || !has_open(process, interface)) continue;
    if (!meant.contains(namespace_of(process))) continue;
    std::string command;
    std::ifstream name(process / "comm");
    std::getline(name, command);
    holders.push_back(fmt::format("{} (process {})", command, pid));
  }
  return holders;
}

}  // namespace adit::net
