// SPDX-License-Identifier: MIT
// The lines of a wg-quick file (wg-quick(8)) as keys and values with their places. Knows which keys there are and where
// they belong; what values mean is wg_quick_reader.h's.
#pragma once

#include <string_view>
#include <vector>

#include "config/cursor.h"
#include "config/problem.h"

namespace adit::config {

enum class WgQuickKey : std::uint8_t {
  private_key,
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
  allowed_ips,
  endpoint,
  persistent_keepalive,
};

/// How the key is usually written: "PrivateKey".
std::string_view name_of(WgQuickKey key);

struct WgQuickLine {
  WgQuickKey key;
  At<std::string_view> value;  ///< trimmed, without a comment; of the text it came from. Its place names the key
};

/// `text` is UTF-8. Reports unknown keys and sections, keys in the wrong section, lines that are none, and another
/// [Peer] than the first, whose keys are left out.
std::vector<WgQuickLine> split_wg_quick(std::string_view text, Problems& problems);

}  // namespace adit::config
