// SPDX-License-Identifier: MIT
#include "config/sections.h"

#include <limits>
#include <utility>

#include "config/fields.h"
#include "config/hook_reader.h"
#include "config/wording.h"

namespace adit::config {
namespace {

constexpr std::uint32_t kLargestNumber = std::numeric_limits<std::uint32_t>::max();
constexpr std::uint32_t kMaxQueueLength = 1'000'000;
constexpr std::string_view kAddressExample = "[10.9.0.1/30, \"fd09::1/126\"]";

template <class T>
DraftList<T> read_list(const Cursor& cursor, std::string_view example, std::size_t max,
                       Result<T> (*parse)(std::string_view)) {
  DraftList<T> list;
  const auto items = cursor.items(example, max);
  if (!items) return {{}, false};
  for (const auto& item : *items) {
    if (auto value = item.parse_text(parse)) {
      list.items.push_back(std::move(*value));
    } else {
      list.complete = false;
    }
  }
  return list;
}

/// A list that means nothing without elements.
template <class T>
DraftList<T> read_filled_list(const Cursor& cursor, std::string_view example, std::size_t max,
                              Result<T> (*parse)(std::string_view)) {
  auto list = read_list(cursor, example, max, parse);
  if (list.complete && list.items.empty()) {
    cursor.problem(fmt::format("is an empty list; write some, such as {}", example));
    list.complete = false;
  }
  return list;
}

template <class T>
void assign(std::optional<At<T>> read, auto& target) {
  if (read) target = std::move(read->value);
}

constexpr const char* kForTap = "is for `mode: tap` only; add that, or remove this";

/// Keys that mean nothing in the other mode are mistakes there.
void read_tap(const Section& section, Draft& draft) {
  auto& interface = draft.config.interface;
  if (interface.mode == Mode::tun) {
    for (const auto* const key : {"mac", "bridge", "tunnel_address", "tunnel_peer"}) {
      if (const auto there = section.find(key)) there->problem(kForTap);
    }
    return;
  }
  for (const auto* const key : {"peer_addresses", "kill_switch", "multicast"}) {
    if (const auto there = section.find(key)) there->problem("is not for `mode: tap`; remove it");
  }
  if (const auto mac = section.find("mac")) {
    if (const auto address = mac->parse_word(parse_mac)) interface.tap.given_mac = address->value;
  }
  if (const auto bridge = section.find("bridge")) draft.bridge = bridge->parse_text(parse_device);
  if (const auto address = section.find("tunnel_address")) {
    draft.tunnel_address = address->parse_text(parse_interface_address);
  }
  if (const auto peer = section.find("tunnel_peer")) draft.tunnel_peer = peer->parse_text(parse_host_address);
}

void read_interface(const Section& section, Draft& draft) {
  auto& interface = draft.config.interface;
  if (const auto name = section.find("name")) {
    draft.name = name->parse_text(parse_interface_name);
  } else {
    draft.unnamed = section.place();
  }
  if (const auto mode = section.find("mode")) assign(mode->parse_word(parse_mode), interface.mode);
  read_tap(section, draft);
  const bool for_frames = interface.mode == Mode::tap;
  if (const auto addresses = for_frames
                                 ? section.find("addresses")
                                 : section.require("addresses", "it lists this end's addresses inside the tunnel")) {
    draft.addresses = read_filled_list(*addresses, kAddressExample, kMaxAddresses, parse_interface_address);
  } else {
    draft.addresses.complete = for_frames;
  }
  if (const auto peers = section.find("peer_addresses")) {
    draft.peer_addresses = read_list(*peers, "[10.9.0.2]", kMaxAddresses, parse_host_address);
  }
  if (const auto mtu = section.find("mtu"); mtu && !mtu->is("auto")) {
    if (const auto bytes = mtu->number(kMinMtu, kMaxMtu, "auto")) draft.mtu = {*bytes, mtu->place()};
  }
  if (const auto length = section.find("queue_length")) interface.queue_length = length->number(1, kMaxQueueLength);
  if (const auto owner = section.find("owner")) assign(owner->parse_word(parse_user), interface.owner);
  if (const auto group = section.find("group")) assign(group->parse_word(parse_group), interface.group);
  if (const auto persist = section.find("persist")) interface.persist = persist->boolean().value_or(false);
  if (const auto multicast = section.find("multicast")) interface.multicast = multicast->boolean().value_or(false);
  if (const auto kill = section.find("kill_switch")) assign(kill->parse_word(parse_kill_switch), interface.kill_switch);
  if (const auto netns = section.find("netns")) draft.netns = netns->parse_text(parse_netns);
  if (const auto forward = section.find("forward")) interface.forward = forward->boolean().value_or(false);
}

/// One of them is one that the sockets are bound to.
void read_device(const Cursor& cursor, Local& local) {
  if (cursor.kind() != Node::Kind::sequence) return assign(cursor.parse_text(parse_device), local.device);
  auto list = read_filled_list(cursor, "[eth0, wwan0]", kMaxUplinks, parse_device);
  for (auto& [name, place] : list.items) {
    if (std::ranges::find(local.uplinks, name) != local.uplinks.end()) {
      cursor.problem(fmt::format("names {} twice; write each interface once, the most preferred first", name));
    } else {
      local.uplinks.push_back(std::move(name));
    }
  }
  if (local.uplinks.size() == 1) local.device = std::exchange(local.uplinks, {}).front();
}

void read_local(const Section& section, const KeyContext& context, Draft& draft) {
  auto& local = draft.config.local;
  draft.private_key = read_private_key(section, context);
  if (const auto file = section.find("private_key_file"); file && draft.private_key) {
    draft.config.key_files.push_back(context.directory / file->text().value_or(""));
  }
  if (const auto listen = section.find("listen")) draft.listen = listen->parse_word(parse_listen);
  if (const auto device = section.find("device")) read_device(*device, local);
  if (const auto mark = section.find("fwmark")) local.fwmark = mark->number(0, kLargestNumber);
}

DraftList<EndpointName> read_endpoints(const Cursor& cursor) {
  constexpr std::string_view example = "[vpn.example.net:51820, 192.0.2.7:51820]";
  if (cursor.kind() == Node::Kind::sequence) return read_filled_list(cursor, example, kMaxAddresses, parse_endpoint);
  DraftList<EndpointName> list;
  if (cursor.kind() == Node::Kind::mapping) {
    cursor.problem("is a mapping; write HOST:PORT in one, such as vpn.example.net:51820, or a list of them");
    list.complete = false;
    return list;
  }
  if (auto endpoint = cursor.parse_text(parse_endpoint)) {
    list.items.push_back(std::move(*endpoint));
  } else {
    list.complete = false;
  }
  return list;
}

void read_peer(const Section& section, const KeyContext& context, Draft& draft) {
  auto& peer = draft.config.peer;
  if (const auto key = section.require("public_key", "`adit pubkey` on the peer prints it from its private key")) {
    draft.public_key = key->parse_text(parse_peer_key);
  }
  if (auto key = read_preshared_key(section, context)) {
    peer.preshared_key = std::move(key->value);
    peer.has_preshared_key = true;
    if (const auto file = section.find("preshared_key_file")) {
      peer.preshared_key_file = context.directory / file->text().value_or("");
      draft.config.key_files.push_back(peer.preshared_key_file);
    }
  }
  if (const auto endpoint = section.find("endpoint")) draft.endpoints = read_endpoints(*endpoint);
  if (const auto keepalive = section.find("keepalive")) {
    assign(keepalive->parse_word(parse_keepalive), peer.keepalive);
    draft.keepalive = keepalive->place();
  }
  if (const auto allowed = section.find("allowed_ips")) {
    draft.allowed_ips = read_filled_list(*allowed, "[10.9.0.0/30, 192.168.20.0/24]", kMaxSubnets, parse_subnet);
  }
}

/// `default` or a subnet; false if it is neither, which has been reported.
bool read_destination(const Cursor& cursor, DraftRoute& route) {
  if (cursor.is("default")) return true;
  const auto network = cursor.parse_text(parse_subnet);
  if (network) route.to = network->value;
  return network.has_value();
}

std::optional<DraftRoute> read_route(const Cursor& item) {
  DraftRoute route;
  if (item.kind() == Node::Kind::scalar) return read_destination(item, route) ? std::optional(route) : std::nullopt;
  const auto section = item.section();
  if (!section) return std::nullopt;
  bool complete = true;
  const auto to = section->require("to", "it is the subnet to reach through the tunnel, or default");
  complete &= to && read_destination(*to, route);
  if (const auto metric = section->find("metric")) {
    if (const auto value = metric->number(1, kLargestNumber)) route.metric = {*value, metric->place()};
    complete &= route.metric.has_value();
  }
  if (const auto table = section->find("table")) {
    assign(table->parse_word(parse_table), route.table);
    complete &= route.table.has_value();
  }
  if (const auto source = section->find("source")) {
    route.source = source->parse_text(parse_host_address);
    complete &= route.source.has_value();
  }
  return complete ? std::optional(route) : std::nullopt;
}

void read_routes(const Cursor& cursor, Draft& draft) {
  const auto items = cursor.items("[192.168.20.0/24]", kMaxSubnets);
  if (!items) draft.routes.complete = false;
  for (const auto& item : items.value_or(std::vector<Cursor>())) {
    if (auto route = read_route(item)) {
      draft.routes.items.push_back({*route, item.place()});
    } else {
      draft.routes.complete = false;
    }
  }
}

/// Switches and sizes are words even where YAML takes them for numbers or, in older versions, for booleans.
void read_tuning(const Section& section, Mode mode, Tuning& tuning) {
  if (const auto crypto = section.find("crypto")) assign(crypto->parse_word(parse_crypto), tuning.crypto);
  if (const auto tun = section.find("tun_offload")) assign(tun->parse_word(parse_switch), tuning.tun_offload);
  if (const auto udp = section.find("udp_offload")) assign(udp->parse_word(parse_switch), tuning.udp_offload);
  if (const auto size = section.find("receive_buffer")) assign(size->parse_word(parse_buffer), tuning.receive_buffer);
  if (const auto size = section.find("send_buffer")) assign(size->parse_word(parse_buffer), tuning.send_buffer);
  if (const auto workers = section.find("workers")) assign(workers->parse_word(parse_workers), tuning.workers);
  if (const auto clamp = section.find("mss_clamp")) assign(clamp->parse_word(parse_mss_clamp), tuning.mss_clamp);
  if (const auto probe = section.find("path_probe")) assign(probe->parse_word(parse_path_probe), tuning.path_probe);
  if (const auto limit = section.find("storm_limit")) {
    assign(limit->parse_word(parse_storm_limit), tuning.storm_limit);
    if (mode == Mode::tun && tuning.storm_limit != 0) limit->problem(kForTap);
  }
  if (const auto copy = section.find("copy_dscp")) tuning.copy_dscp = copy->boolean().value_or(false);
}

void read_log(const Section& section, Draft& draft) {
  if (const auto level = section.find("level")) assign(level->parse_text(parse_log_level), draft.config.log_level);
}

void read_dns(const Section& section, Dns& dns, std::vector<Place>& places) {
  const auto values = [](const auto& list, auto& target) {
    for (const auto& item : list.items) target.push_back(item.value);
  };
  if (const auto servers = section.require("servers", "it lists the name servers' addresses")) {
    const auto list = read_filled_list(*servers, "[10.9.0.2]", kMaxAddresses, parse_name_server);
    values(list, dns.servers);
    for (const auto& item : list.items) places.push_back(item.place);
  }
  if (const auto domains = section.find("domains")) {
    values(read_list(*domains, "[example.com, \"~example.net\"]", kMaxAddresses, parse_domain), dns.domains);
  }
}

}  // namespace

void read_sections(const Section& root, const KeyContext& context, Draft& draft) {
  if (const auto cursor =
          root.require("interface", "interface.addresses lists this end's addresses inside the tunnel")) {
    if (const auto section = cursor->section()) read_interface(*section, draft);
  }
  if (const auto cursor = root.require("local", "local.private_key_file names the file with this host's private key")) {
    if (const auto section = cursor->section()) read_local(*section, context, draft);
  }
  if (const auto cursor = root.require("peer", "peer.public_key says who is at the other end")) {
    if (const auto section = cursor->section()) read_peer(*section, context, draft);
  }
  if (const auto cursor = root.find("routes")) read_routes(*cursor, draft);
  if (const auto cursor = root.find("log")) {
    if (const auto section = cursor->section()) read_log(*section, draft);
  }
  if (const auto cursor = root.find("tuning")) {
    if (const auto section = cursor->section()) read_tuning(*section, draft.config.interface.mode, draft.config.tuning);
  }
  if (const auto cursor = root.find("hooks")) {
    if (const auto section = cursor->section()) read_hooks(*section, context, draft.config.hooks);
  }
  if (const auto cursor = root.find("dns")) {
    if (const auto section = cursor->section()) read_dns(*section, draft.config.dns, draft.dns_places);
  }
}

}  // namespace adit::config
