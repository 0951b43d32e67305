// SPDX-License-Identifier: MIT
#include "service/handover.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/mman.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <system_error>
#include <utility>

namespace adit::service {
namespace {

/// To be raised whenever what is saved means something else than before: the size alone need not tell.
constexpr std::uint32_t kVersion = 5;

struct SavedLink {
  std::uint32_t mtu = 0;
  std::uint32_t queue_length = 0;
  bool up = false;
  bool multicast = false;
  std::optional<std::uint8_t> address_generation;
};

struct SavedFile {
  std::uint32_t version = kVersion;
  std::uint32_t size = sizeof(SavedFile);
  std::array<char, 64> boot{};
  std::array<char, 512> sockets{};
  crypto::Hash endpoints{};
  bool tun_existed = false;
  bool tun_moved = false;
  SavedLink link;
  std::uint32_t mtu = 0;
  tunnel::SavedTunnel tunnel;
};

struct Wipe {
  void operator()(SavedFile* file) const {
    explicit_bzero(static_cast<void*>(file), sizeof *file);
    delete file;
  }
};
using SecretFile = std::unique_ptr<SavedFile, Wipe>;

template <std::size_t n>
bool put(std::array<char, n>& place, std::string_view text) {
  if (text.size() >= n) return false;
  text.copy(place.data(), n - 1);
  return true;
}

std::array<std::pair<const char*, FileDescriptor Estate::*>, 4> parts() {
  return {{{"tun", &Estate::tun}, {"udp4", &Estate::udp4}, {"udp6", &Estate::udp6}, {"session", &Estate::session}}};
}

std::string describe(int error) {
  return std::generic_category().message(error);
}

}  // namespace

Estate take_estate() {
  Estate estate;
  const char* const listed = std::getenv("LISTEN_FDNAMES");
  std::string_view names = listed == nullptr ? "" : listed;
  const int count = sd_listen_fds(0);  // also sees to it that no child gets them
  for (int i = 0; i < count; ++i) {
    FileDescriptor descriptor(SD_LISTEN_FDS_START + i);
    const auto name = names.substr(0, names.find(':'));
    names.remove_prefix(std::min(name.size() + 1, names.size()));
    const auto all = parts();
    const auto* const known = std::ranges::find_if(all, [&](const auto& part) { return part.first == name; });
    if (known != all.end()) estate.*(known->second) = std::move(descriptor);
  }
  for (const auto* variable : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"}) unsetenv(variable);
  return estate;
}

Result<FileDescriptor> write_session(const tunnel::SavedTunnel& saved, const SessionFacts& facts) {
  const SecretFile file(new SavedFile);
  file->tunnel = saved;
  file->endpoints = facts.endpoints;
  file->tun_existed = facts.tun_existed;
  file->tun_moved = facts.tun_moved;
  file->link = {facts.link.mtu, facts.link.queue_length, facts.link.up, facts.link.multicast,
                facts.link.address_generation};
  file->mtu = facts.mtu;
  if (!put(file->boot, facts.boot) || !put(file->sockets, facts.sockets))
    return fail("the session's facts are too long");
  FileDescriptor memory(memfd_create("adit-session", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!memory) return fail("cannot make a file in memory for the session: {}", describe(errno));
  const auto written = ::write(memory.get(), file.get(), sizeof *file);
  if (written != static_cast<ssize_t>(sizeof *file)) return fail("cannot write the session: {}", describe(errno));
  // It can be emptied, and nothing else can be done to it.
  if (fcntl(memory.get(), F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SEAL) != 0) {
    return fail("cannot seal the session: {}", describe(errno));
  }
  return memory;
}

std::optional<SessionFacts> consume_session(const FileDescriptor& memory, tunnel::SavedTunnel& saved) {
  if (!memory) return std::nullopt;
  const SecretFile file(new SavedFile);
  const auto size = ::pread(memory.get(), file.get(), sizeof *file, 0);
  // Unless it is empty now, somebody else may read it after us.
  if (ftruncate(memory.get(), 0) != 0) return std::nullopt;
  if (size != static_cast<ssize_t>(sizeof *file) || file->version != kVersion || file->size != sizeof *file) {
    return std::nullopt;
  }
  saved = file->tunnel;
  file->boot.back() = file->sockets.back() = '\0';
  const auto& link = file->link;
  return SessionFacts{.boot = file->boot.data(),
                      .sockets = file->sockets.data(),
                      .endpoints = file->endpoints,
                      .tun_existed = file->tun_existed,
                      .tun_moved = file->tun_moved,
                      .link = {.name = {},
                               .mtu = link.mtu,
                               .queue_length = link.queue_length,
                               .up = link.up,
                               .multicast = link.multicast,
                               .address_generation = link.address_generation},
                      .mtu = file->mtu};
}

bool store(const Estate& estate) {
  for (const auto& [name, part] : parts()) {
    const int fd = (estate.*part).get();
    if (fd < 0) continue;
    const auto message = fmt::format("FDSTORE=1\nFDNAME={}", name);
    if (sd_pid_notify_with_fds(0, 0, message.c_str(), &fd, 1) <= 0) return false;
  }
  // Returns when the manager has taken all that was sent before it: what we close then is kept.
  return sd_notify_barrier(0, 5'000'000) >= 0;
}

void empty_store() {
  for (const auto& [name, part] : parts()) {
    sd_notify(0, fmt::format("FDSTOREREMOVE=1\nFDNAME={}", name).c_str());
  }
}

Error become(const Estate& estate, const std::vector<std::string>& arguments) {
  std::string names;
  std::vector<FileDescriptor> copies;  // above all places they are to go to
  for (const auto& [name, part] : parts()) {
    if (!(estate.*part)) continue;
    copies.emplace_back(fcntl((estate.*part).get(), F_DUPFD_CLOEXEC, 64));
    if (!copies.back()) return Error{fmt::format("cannot copy a descriptor: {}", describe(errno))};
    names += fmt::format("{}{}", names.empty() ? "" : ":", name);
  }
  for (std::size_t i = 0; i < copies.size(); ++i) {
    dup2(copies[i].get(), SD_LISTEN_FDS_START + static_cast<int>(i));  // without close-on-exec
  }
  setenv("LISTEN_PID", std::to_string(getpid()).c_str(), 1);
  setenv("LISTEN_FDS", std::to_string(copies.size()).c_str(), 1);
  setenv("LISTEN_FDNAMES", names.c_str(), 1);
  std::vector<char*> argv;
  for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  // By its name first: the file may be a newer one by now.
  if (arguments[0].find('/') != std::string::npos) execv(argv[0], argv.data());
  execv("/proc/self/exe", argv.data());
  return Error{fmt::format("cannot start {} anew: {}", arguments[0], describe(errno))};
}

}  // namespace adit::service
