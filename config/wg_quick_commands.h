// SPDX-License-Identifier: MIT
// The commands in a wg-quick file's hooks that do what a key of Adit's does better: addresses, routes, forwarding, keys
// in files. They become that key, and what is left of the line stays a hook.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/draft.h"

namespace adit::config {

/// What the commands of PreUp and PostUp come to.
struct WgQuickEffects {
  struct Address {
    At<IpNetwork> address;
    std::optional<At<IpAddress>> peer;
  };

  std::vector<Address> addresses;
  std::vector<At<DraftRoute>> routes;
  std::optional<At<std::string>> private_key_file;
  std::optional<At<std::string>> preshared_key_file;
  std::optional<At<std::string>> key_command;  ///< what stood in `private-key <(…)`
  std::optional<Place> forward;
};

class WgQuickCommands {
 public:
  /// `interface`: its name to wg-quick, which stands for %i in file names. `peer_key`: the value of PublicKey.
  WgQuickCommands(std::string_view interface, std::string_view peer_key) : interface_(interface), peer_key_(peer_key) {}

  /// What is left of a line of PreUp or PostUp; empty: nothing.
  std::string take_up(std::string_view given, const Place& place);
  /// Of PreDown or PostDown, after all lines that come up: what takes back what a key does, Adit takes back itself.
  std::string take_down(std::string_view given) const;

  const WgQuickEffects& effects() const { return effects_; }

 private:
  bool understand(std::string_view command, const Place& place);
  bool understand_address(const std::vector<std::string>& words, const Place& place);
  bool understand_keys(const std::vector<std::string>& words, const Place& place);
  bool understand_quoted_file(std::string_view line, const Place& place);
  bool understand_pipe(std::string_view line, const Place& place);
  std::string with_mark(std::string_view line) const;
  bool takes_back(std::string_view command) const;
  At<std::string> file(std::string_view written, const Place& place) const;

  std::string interface_;
  std::string peer_key_;
  WgQuickEffects effects_;
};

}  // namespace adit::config
