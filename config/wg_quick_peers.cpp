// SPDX-License-Identifier: MIT
#include "config/wg_quick_peers.h"

#include <fmt/core.h>

#include <algorithm>
#include <string>

#include "config/wg_quick_values.h"
#include "config/wording.h"
#include "crypto/keys.h"

namespace adit::config {
namespace {

/// As many networks as fit a line of a list.
constexpr std::size_t kShownNetworks = 4;

struct Summary {
  std::string key = "no PublicKey";
  std::string networks;
  std::size_t network_count = 0;
  std::string endpoint = "it calls";
};

Summary summary_of(const WgQuickLines& file, std::size_t peer) {
  Summary summary;
  for (const auto& line : file.lines) {
    if (line.peer != peer || line.value.value.empty()) continue;
    if (line.key == WgQuickKey::public_key) {
      summary.key = crypto::parse_public_key(line.value.value) ? std::string(line.value.value) : "a key that is none";
    } else if (line.key == WgQuickKey::endpoint) {
      summary.endpoint = shown(line.value.value);
    } else if (line.key == WgQuickKey::allowed_ips) {
      for (const auto& word : words_of(line.value)) {
        if (++summary.network_count > kShownNetworks) continue;
        const auto network = parse_allowed_ip(word.value);
        summary.networks +=
            (summary.networks.empty() ? "" : ", ") + (network ? to_string(*network) : shown(word.value));
      }
    }
  }
  if (summary.network_count > kShownNetworks) {
    summary.networks += fmt::format(" and {} more", summary.network_count - kShownNetworks);
  }
  if (summary.networks.empty()) summary.networks = "no networks";
  return summary;
}

void list_peers(const WgQuickLines& file, Problems& problems) {
  problems.add({}, fmt::format("has {} peers, and an Adit link has one: import one of them with --peer N, or all with "
                               "--all, a file each",
                               file.peers.size()));
  for (std::size_t i = 0; i < file.peers.size(); ++i) {
    const auto& [place, name] = file.peers[i];
    const auto [key, networks, count, endpoint] = summary_of(file, i + 1);
    problems.add(place, fmt::format("peer {}{}: {}, {}, {}", i + 1, name.empty() ? "" : " (" + shown(name) + ")", key,
                                    networks, endpoint == "it calls" ? endpoint : "at " + endpoint));
  }
}

}  // namespace

bool choose_peer(WgQuickLines& file, std::optional<std::size_t> peer, Problems& problems) {
  const auto count = file.peers.size();
  if (!peer && count > 1) {
    list_peers(file, problems);
    return false;
  }
  if (peer && (*peer == 0 || *peer > count)) {
    problems.add({},
                 fmt::format("has no peer {}: there {}", *peer, count == 1 ? "is 1" : fmt::format("are {}", count)));
    return false;
  }
  std::erase_if(file.lines, [&](const WgQuickLine& line) { return line.peer != 0 && line.peer != peer.value_or(1); });
  return true;
}

}  // namespace adit::config
