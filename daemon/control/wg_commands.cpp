// SPDX-License-Identifier: MIT
#include "control/wg_commands.h"

#include <algorithm>
#include <cerrno>

#include "control/wg_device.h"
#include "crypto/wipe_stack.h"

namespace adit::control {

std::string WgCommands::answer(std::string_view request) {
  const crypto::WipedStack wiped(crypto::kConfigStack);
  const auto kind = kind_of(request);
  if (kind && *kind == WgRequest::get) return to_text(to_device(parts_.config, parts_.tunnel(), parts_.port()));
  const auto done = kind ? set(request) : std::unexpected(kind.error());
  if (done) return errno_line(0);
  parts_.log.warn("wg: {}; nothing was changed", done.error().sentence);
  return errno_line(done.error().code);
}

std::expected<void, WgRefusal> WgCommands::set(std::string_view request) {
  const auto& config = parts_.config;
  const auto before = to_device(config, parts_.tunnel(), parts_.port());
  auto device = to_device(config, parts_.tunnel(), parts_.port());
  if (auto done = apply_set(request, device); !done) return done;
  const bool moves = !device.peers.empty() && device.peers.front().endpoint_given &&
                     device.peers.front().endpoint != parts_.tunnel().path().remote;
  auto next = copy_of(config, parts_.tunnel());
  if (auto done = adopt(std::move(device), before, next, parts_.random); !done) return done;

  const auto edit = link::edit_between(config, parts_.tunnel(), next);
  const auto sentences = link::describe(edit);
  if (sentences.empty()) {
    if (moves) parts_.call_configured();
    return {};
  }
  if (auto done = parts_.change(next, edit); !done) {
    return std::unexpected(WgRefusal{edit.sockets() ? EADDRINUSE : EINVAL, done.error().message});
  }
  if (moves && !edit.has({"peer.endpoint"})) parts_.call_configured();
  for (const auto& sentence : sentences) parts_.log.info("wg: {}", sentence);
  if (config.file.empty()) return {};  // there is no file to differ from
  for (const auto& key : edit.keys()) {
    if (std::ranges::find(changed_, key) == changed_.end()) changed_.push_back(key);
  }
  return {};
}

}  // namespace adit::control
