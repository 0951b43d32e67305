// SPDX-License-Identifier: MIT
// Single values as people and programs write them: addresses, subnets, endpoints, numbers, names, durations. What is
// taken is written again, and read again the same.
#include "config/fields.h"
#include "config/idn.h"
#include "config/wording.h"
#include "crypto/keys.h"
#include "fuzz.h"
#include "net/uplink_servers.h"

namespace adit::fuzz {
namespace {

template <class Value>
void there_and_back(std::string_view text) {
  const auto value = Value::parse(text);
  if (!value) return;
  const auto again = Value::parse(to_string(*value));
  require(again && *again == *value, "what is written is what was read");
}

template <class Key>
void key(const Result<Key>& key, std::string_view text) {
  if (!key) return require(!could_be_key(text) || !key.error().message.contains(text), "no message repeats a key");
}

}  // namespace

void run(Bytes bytes) {
  const auto text = as_text(bytes);
  there_and_back<IpAddress>(text);
  there_and_back<IpNetwork>(text);
  there_and_back<Endpoint>(text);
  if (const auto network = IpNetwork::parse(text))
    require(network->contains(network->network().address), "a net is in itself");
  if (const auto endpoint = config::parse_endpoint(text)) {
    const auto again = config::parse_endpoint(config::to_string(*endpoint));
    require(again && *again == *endpoint, "an endpoint is written as it is read");
  }
  (void)config::parse_number(text);
  (void)config::check_name(text);
  (void)config::parse_interface_name(text);
  (void)config::interface_name_for(text);
  (void)config::parse_device(text);
  (void)config::parse_netns(text);
  (void)config::parse_interface_address(text);
  (void)config::parse_host_address(text);
  (void)config::parse_subnet(text);
  (void)config::parse_listen(text);
  (void)config::parse_host(text);
  (void)config::parse_port(text);
  (void)config::parse_name_server(text);
  (void)config::parse_domain(text);
  (void)config::parse_duration(text);
  (void)config::parse_keepalive(text);
  (void)config::parse_hook_timeout(text);
  (void)config::parse_log_level(text);
  (void)config::parse_crypto(text);
  (void)config::parse_switch(text);
  (void)config::parse_kill_switch(text);
  (void)config::parse_buffer(text);
  key(crypto::parse_private_key(text), text);
  key(crypto::parse_preshared_key(text), text);
  if (const auto public_key = crypto::parse_public_key(text))
    require(crypto::to_base64(*public_key) == text, "a key has one text");
  static const std::vector<IpAddress> own{*IpAddress::parse("10.9.0.2")};
  (void)net::choose_uplink_servers(text, "nameserver 192.0.2.53\n", own);
  (void)net::choose_uplink_servers("nameserver 127.0.0.53\n", text, own);
}

}  // namespace adit::fuzz
