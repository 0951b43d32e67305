// SPDX-License-Identifier: MIT
// The folders of sockets and state, which the daemon and `adit` must agree on. The environment overrides them, for
// tests and for daemons that run as an ordinary user.
#pragma once

#include <cstdlib>
#include <filesystem>

namespace adit {

inline std::filesystem::path folder_from(const char* variable, const char* usual) {
  const char* const chosen = std::getenv(variable);
  return chosen != nullptr && *chosen != '\0' ? chosen : usual;
}

/// Control sockets: NAME.sock.
inline std::filesystem::path run_directory() {
  return folder_from("ADIT_RUN_DIR", "/run/adit");
}
/// Sockets of the WireGuard configuration protocol, where `wg` looks for them: INTERFACE.sock.
inline std::filesystem::path wg_directory() {
  return folder_from("ADIT_WG_DIR", "/var/run/wireguard");
}
/// What outlives a restart: NAME/.
inline std::filesystem::path state_directory() {
  return folder_from("ADIT_STATE_DIR", "/var/lib/adit");
}

/// Where systemd puts a unit's credentials; empty: there are none.
inline std::filesystem::path credentials_directory() {
  return folder_from("CREDENTIALS_DIRECTORY", "");
}

}  // namespace adit
