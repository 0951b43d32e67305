// SPDX-License-Identifier: MIT
// What comes through the socket that `wg` talks to: a request against a link with a peer, and what it makes of it.
#include "control/wg_protocol.h"

#include "control/wg_device.h"
#include "fuzz.h"
#include "support.h"

namespace adit::fuzz {
namespace {

control::WgDevice device() {
  control::WgDevice device{.private_key = crypto::PrivateKey(), .listen_port = 51'820};
  auto& peer = device.peers.emplace_back();
  peer.key.bytes.fill(0xab);
  peer.endpoint = *Endpoint::parse("192.0.2.7:51820");
  peer.allowed_ips = {*IpNetwork::parse("10.9.0.0/24"), *IpNetwork::parse("fd09::/64")};
  return device;
}

}  // namespace

void run(Bytes bytes) {
  const auto text = as_text(bytes);
  (void)control::kind_of(text);
  auto asked = device();
  if (const auto done = control::apply_set(text, asked); !done) {
    require(done.error().code > 0 && !done.error().sentence.empty(), "a refusal has a code and a reason");
    return;
  }
  require(asked.peers.size() <= 1, "a link has one peer");
  for (const auto& peer : asked.peers) {
    for (const auto& network : peer.allowed_ips) require(!network.has_host_bits(), "a network has no host bits");
  }
  require(control::to_text(asked).ends_with("errno=0\n") || control::to_text(asked).ends_with("errno=0"),
          "an answer says how it went");
  test::SeededRandom random(1);
  auto config = control::unconfigured("wg0", random);
  (void)control::adopt(std::move(asked), device(), config, random);
}

}  // namespace adit::fuzz
