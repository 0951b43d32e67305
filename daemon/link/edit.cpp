// SPDX-License-Identifier: MIT
#include "link/edit.h"

#include <algorithm>

#include "host/host_plan.h"

namespace adit::link {

bool Edit::has(std::initializer_list<std::string_view> keys) const {
  return std::ranges::any_of(changes, [&](const auto& change) { return std::ranges::count(keys, change.key) != 0; });
}

bool Edit::sockets() const {
  return mark || has({"local.listen", "local.device", "local.fwmark", "tuning.udp_offload", "tuning.receive_buffer",
                      "tuning.send_buffer"});
}

std::vector<std::string> Edit::keys() const {
  std::vector<std::string> keys;
  for (const auto& change : changes) keys.push_back(change.key);
  if (our_key) keys.emplace_back("local.private_key");
  if (preshared_key) keys.emplace_back("peer.preshared_key");
  return keys;
}

Edit edit_between(const config::Config& now, const tunnel::Tunnel& tunnel, const config::Config& next) {
  return {.changes = config::difference(now, next),
          .our_key = crypto::public_key_of(next.local.private_key) != crypto::public_key_of(tunnel.private_key()),
          .preshared_key = !tunnel.has_preshared_key(next.peer.preshared_key),
          .mark = host::datagram_mark(now) != host::datagram_mark(next)};
}

std::vector<std::string> describe(const Edit& edit) {
  std::vector<std::string> sentences;
  for (const auto& change : edit.changes) sentences.push_back(config::to_string(change));
  if (edit.our_key) sentences.emplace_back("local.private_key: another key");
  if (edit.identity()) sentences.emplace_back("the link begins anew, with a new session");
  if (edit.preshared_key) sentences.emplace_back("peer.preshared_key: another key, from the next handshake on");
  return sentences;
}

}  // namespace adit::link
