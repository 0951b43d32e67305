// SPDX-License-Identifier: MIT
// What `wg` asks of the link, over the socket where it looks for it. A `set` goes the way of a reload, so that either
// all of it is in force or nothing; it holds until the file is read again.
#include <algorithm>
#include <cerrno>
#include <stdexcept>

#include "app/daemon.h"
#include "app/paths.h"
#include "app/wg_device.h"

namespace adit::app {

/// Without it the link works all the same, so what stands in its way is told and no more.
void Daemon::open_wg_socket() {
  wg_socket_.reset();
  try {
    wg_socket_.emplace(
        loop_, wg_directory(), device_.name(), [this](std::string_view request) { return answer_wg(request); },
        kWgParagraphs);
  } catch (const std::runtime_error& error) {
    if (is_set_up_by_wg()) throw;
    log_.warn("`wg show` will not find this link: {}", error.what());
  }
}

std::string Daemon::answer_wg(std::string_view request) {
  const auto kind = kind_of(request);
  if (kind && *kind == WgRequest::get) return to_text(to_device(config_, *tunnel_, sockets_.port()));
  const auto done = kind ? set_by_wg(request) : std::unexpected(kind.error());
  if (done) return errno_line(0);
  log_.warn("wg: {}; nothing was changed", done.error().sentence);
  return errno_line(done.error().code);
}

std::expected<void, WgRefusal> Daemon::set_by_wg(std::string_view request) {
  const auto before = to_device(config_, *tunnel_, sockets_.port());
  auto device = to_device(config_, *tunnel_, sockets_.port());
  if (auto done = apply_set(request, device); !done) return done;
  auto next = copy_of(config_, *tunnel_);
  if (auto done = app::adopt(std::move(device), before, next, random_); !done) return done;

  const auto edit = edit_to(next);
  const auto sentences = describe(edit);
  if (sentences.empty()) return {};
  if (auto done = change_to(next, edit); !done) {
    return std::unexpected(WgRefusal{edit.sockets() ? EADDRINUSE : EINVAL, done.error().message});
  }
  for (const auto& sentence : sentences) log_.info("wg: {}", sentence);
  if (is_set_up_by_wg()) return {};
  for (const auto& key : edit.keys()) {
    if (std::ranges::find(changed_by_wg_, key) == changed_by_wg_.end()) changed_by_wg_.push_back(key);
  }
  return {};
}

/// Others give the interface its MTU, as wg-quick does.
void Daemon::follow_interface() {
  if (const auto mtu = host_.look_at_mtu(); mtu && mtu != config_.interface.mtu) {
    config_.interface.mtu = mtu;
    tunnel_->set_mtu(*mtu);
    log_.debug("MTU is {} now", *mtu);
  }
}

}  // namespace adit::app
