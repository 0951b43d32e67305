// SPDX-License-Identifier: MIT
#include "net/tun_holder.h"

#include <fcntl.h>
#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

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

bool is_in(const fs::path& process, const std::optional<NetworkNamespace>& wanted) {
  // To enter it is another matter: to look is enough.
  const auto actual = NetworkNamespace::of(FileDescriptor(::open((process / "ns/net").c_str(), O_RDONLY | O_CLOEXEC)));
  return wanted && actual && actual->is(*wanted);
}

}  // namespace

std::vector<std::string> holders_of_tun(const std::string& interface, const std::optional<NetworkNamespace>& there) {
  const auto own = NetworkNamespace::own();
  std::vector<std::string> holders;
  for (const auto& process : entries_of("/proc")) {
    const auto pid = process.filename().native();
    if (pid.find_first_not_of("0123456789") != std::string::npos || !has_open(process, interface)) continue;
    if (!is_in(process, there) && !is_in(process, own)) continue;
    std::string command;
    std::ifstream name(process / "comm");
    std::getline(name, command);
    holders.push_back(fmt::format("{} (process {})", command, pid));
  }
  return holders;
}

}  // namespace adit::net
