// SPDX-License-Identifier: MIT
// The lines of a wg-quick file (wg-quick(8)) as keys and values with their places. Knows which keys there are and where
// they belong; what values mean is wg_quick_reader.h's.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/cursor.h"
#include "config/problem.h"

namespace adit::config {

enum class WgQuickKey : std::uint8_t {
  private_key,
  private_key_file,  ///< no key of wg-quick's, but of what some make such files with; as is preshared_key_file
  listen_port,
  fwmark,
  address,
  dns,
  mtu,
  table,
  pre_up,
  post_up,
  pre_down,
  post_down,
  save_config,
  included_applications,  ///< of the apps of phones, as is the next
  excluded_applications,
  public_key,
  preshared_key,
  preshared_key_file,
  allowed_ips,
  endpoint,
  persistent_keepalive,
};

/// How the key is usually written: "PrivateKey".
std::string_view name_of(WgQuickKey key);

struct WgQuickLine {
  WgQuickKey key;
  At<std::string_view> value;  ///< trimmed, without a comment; of the text it came from. Its place names the key
  std::size_t peer = 0;        ///< from 1: of which [Peer]; 0: of [Interface]
};

struct WgQuickPeerHeading {
  Place place;       ///< of [Peer]
  std::string name;  ///< from a comment beside it; empty: there is none
};

struct WgQuickLines {
  std::vector<WgQuickLine> lines;
  std::vector<WgQuickPeerHeading> peers;
  std::optional<Place> interface;  ///< of [Interface]
  /// Keys that are there, but with a mistake that was reported: they are not missing.
  std::vector<WgQuickKey> mistaken;
};

/// The text with spaces that only look like spaces (no-break, zero width and the like) replaced by as many ordinary
/// ones as they have bytes. Each line with some outside of comments gets a warning.
std::string with_plain_spaces(std::string_view text, Problems& problems);

/// `text` is UTF-8. Reports unknown keys and sections, keys in the wrong section, lines that are none, and keys of
/// changed protocols.
WgQuickLines split_wg_quick(std::string_view text, Problems& problems);

}  // namespace adit::config
