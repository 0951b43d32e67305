// SPDX-License-Identifier: MIT
#include "app/privileges.h"

#include <linux/capability.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <utility>

#include "base/paths.h"
#include "config/reader.h"
#include "net/io.h"
#include "net/network_namespace.h"
#include "net/tun_device.h"
#include "rights/fence.h"

namespace adit::app {
namespace {

/// Ports below are for privileged processes.
constexpr std::uint16_t kFirstOrdinaryPort = 1024;

/// As a reload and the run that follows this one would find out.
std::string lack_of(const Options& options, const config::Config& config) {
  if (!options.file.empty()) {
    const auto again = config::read_config(options.file, {.credentials_directory = credentials_directory()});
    if (!again) return fmt::format("could not read it again: {}", to_string(again.error().front()));
  }
  if (const auto& netns = config.interface.netns; !netns.empty()) {
    if (const auto place = net::NetworkNamespace::open(netns); !place) {
      return "could not make the interface: " + place.error().message;
    }
  }
  const net::TunOptions tun;
  if (::access(tun.device_path.c_str(), F_OK) == 0 && ::access(tun.device_path.c_str(), R_OK | W_OK) != 0) {
    return fmt::format("may not open {0} ({1}): `chmod 666 {0}`, as udev has it", tun.device_path,
                       net::describe(errno));
  }
  if (options.key_log.empty()) return {};
  const std::filesystem::path file = std::filesystem::absolute(options.key_log);
  const auto place = ::access(file.c_str(), F_OK) == 0 ? file : file.parent_path();
  if (::access(place.c_str(), W_OK) == 0) return {};
  return fmt::format("could not write the keys to {}: {}", file.string(), net::describe(errno));
}

std::vector<int> capabilities_for(const config::Config& config) {
  std::vector<int> result{CAP_NET_ADMIN};
  const auto port = config.local.listen.port;
  if (port > 0 && port < kFirstOrdinaryPort) result.push_back(CAP_NET_BIND_SERVICE);
  if (!config.interface.netns.empty()) result.push_back(CAP_SYS_ADMIN);
  return result;
}

}  // namespace

Result<rights::Outcome> become_user(const Options& options, const config::Config& config) {
  auto files = config.key_files;
  files.emplace_back(options.file);
  return rights::become(options.user, {.link = config.name,
                                       .interface = config.interface.name,
                                       .files = std::move(files),
                                       .lack = [&] { return lack_of(options, config); },
                                       .capabilities = capabilities_for(config)});
}

void confine_writing(const config::Config& config, Log& log) {
  if (config.hooks != config::Hooks{}) return tell_of_hooks(config.hooks, log);
  // Of another process's namespaces (/proc/PID/ns/net) one that is confined sees nothing, nor would the run that
  // follows.
  if (config.interface.netns.starts_with('/')) return;
  std::vector<std::filesystem::path> places{"/proc/sys/net", "/dev/net", "/dev/null"};
  for (const auto& folder : {run_directory(), wg_directory(), state_directory()}) {
    std::error_code ignored;
    // Others look for sockets there, as where control::ControlSocket makes them; each link's state is closed by itself.
    if (std::filesystem::create_directories(folder, ignored)) {
      std::filesystem::permissions(folder, std::filesystem::perms(0755), ignored);
    }
    places.push_back(folder);
  }
  if (const auto done = rights::confine_writing(places); !done) {
    log.info("what the daemon writes is not confined: {}", done.error().message);
  }
}

void tell_of_hooks(const config::Hooks& hooks, Log& log) {
  if (hooks == config::Hooks{} || !rights::is_writing_confined()) return;
  log.warn(
      "this process began without hooks, so it may write in its own folders alone, and its hooks no more than it: stop "
      "the link and start it for hooks that write elsewhere");
}

}  // namespace adit::app
