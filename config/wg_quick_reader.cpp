// SPDX-License-Identifier: MIT
// wg-quick's lines fill the same Draft as the sections of a YAML file, and are validated by the same rules.
#include "config/wg_quick_reader.h"

#include <fmt/core.h>

#include <strings.h>

#include <algorithm>
#include <set>

#include "config/fields.h"
#include "config/file_text.h"
#include "config/validate.h"
#include "config/wg_quick_peers.h"
#include "config/wg_quick_reading.h"
#include "config/wg_quick_routes.h"
#include "config/wg_quick_values.h"
#include "config/wording.h"

namespace adit::config {

void WgQuickReading::read(const std::vector<WgQuickLine>& lines, Sections sections) {
  sections_ = std::move(sections);
  draft_.config.name = source_.name;
  draft_.config.file = source_.file;
  if (source_.interface != source_.name) draft_.name = {source_.interface, {}};
  draft_.addresses.complete = true;
  draft_.allowed_ips.emplace();
  draft_.config.peer.keepalive.reset();  // what its absence means to wg-quick
  for (const auto& line : lines) {
    if (is_skipped(line)) continue;
    note_repeated(line);
    read_line(line.key, line.value);
  }
  finish();
}

/// Without a value a line says nothing, as long as another one does where something must be said.
bool WgQuickReading::is_skipped(const WgQuickLine& line) {
  using enum WgQuickKey;
  if (!line.value.value.empty()) return false;
  empty_.push_back(line);
  for (const auto key : {private_key, address, public_key, allowed_ips, pre_up, post_up, pre_down, post_down}) {
    if (line.key == key) return true;
  }
  note(line.value.place, "is empty, and says nothing; remove the line");
  return true;
}

/// Lists and hooks go on in further lines; of all others the last one counts, as wg-quick has it.
void WgQuickReading::note_repeated(const WgQuickLine& line) {
  using enum WgQuickKey;
  for (const auto key : {address, dns, allowed_ips, pre_up, post_up, pre_down, post_down}) {
    if (line.key == key) return;
  }
  const auto earlier = std::ranges::find(seen_, line.key, &WgQuickLine::key);
  if (earlier != seen_.end() && line.key == public_key) {
    problems_.add(
        line.value.place,
        fmt::format("is there already (line {}), and a [Peer] has one; begin another [Peer] before it, or remove "
                    "the one that is not meant",
                    earlier->value.place.line));
  } else if (earlier != seen_.end()) {
    note(line.value.place, fmt::format("replaces line {}, as it does for wg-quick; remove the one that is not meant",
                                       earlier->value.place.line));
    *earlier = line;
  } else {
    seen_.push_back(line);
  }
}

void WgQuickReading::read_line(WgQuickKey key, const WgQuickValue& line) {
  auto& peer = draft_.config.peer;
  switch (key) {
    case WgQuickKey::public_key:
      given_.public_key = true;
      draft_.public_key = parse(line, parse_peer_key);
      break;
    case WgQuickKey::preshared_key:
      read_preshared_key(line);
      break;
    case WgQuickKey::preshared_key_file:
      effects_.preshared_key_file = {std::string(line.value), line.place};
      break;
    case WgQuickKey::allowed_ips:
      read_list(line, *draft_.allowed_ips, kMaxSubnets, parse_allowed_ip);
      break;
    case WgQuickKey::endpoint:
      draft_.endpoints.items.clear();
      if (auto endpoint = parse(line, parse_endpoint)) draft_.endpoints.items.push_back(std::move(*endpoint));
      break;
    case WgQuickKey::persistent_keepalive:
      peer.keepalive.reset();
      draft_.keepalive.reset();
      if (const auto seconds = parse(line, parse_keepalive_seconds); seconds && seconds->value > 0) {
        peer.keepalive = std::chrono::seconds(seconds->value);
        draft_.keepalive = line.place;
      }
      break;
    default:
      read_interface_line(key, line);
  }
}

void WgQuickReading::read_interface_line(WgQuickKey key, const WgQuickValue& line) {
  switch (key) {
    case WgQuickKey::private_key:
      return read_private_key(line);
    case WgQuickKey::private_key_file:
      effects_.private_key_file = {std::string(line.value), line.place};
      return;
    case WgQuickKey::address:
      return read_list(line, draft_.addresses, kMaxAddresses, parse_interface_address);
    case WgQuickKey::listen_port:
      if (const auto port = parse(line, parse_port)) draft_.listen = {{{}, port->value}, port->place};
      return;
    case WgQuickKey::fwmark:
      if (const auto mark = parse(line, parse_fwmark)) draft_.config.local.fwmark = mark->value;
      return;
    case WgQuickKey::mtu:
      draft_.mtu = parse(line, parse_mtu);
      return;
    case WgQuickKey::table:
      return read_table(line);
    case WgQuickKey::dns:
      return read_dns(line);
    case WgQuickKey::save_config:
      if (line.value == "false") return;
      return note(line.place,
                  "is not carried over: Adit never writes to its configuration file; edit that and run adit reload");
    case WgQuickKey::included_applications:
    case WgQuickKey::excluded_applications:
      return note(line.place, "is not carried over: it is for the apps of phones, Adit tunnels for all programs");
    default:
      return read_hook(key, line);
  }
}

void WgQuickReading::read_private_key(const WgQuickValue& line) {
  given_.private_key = true;
  auto key = parse(line, crypto::parse_private_key);
  if (key && is_all_zero(key->value)) {
    problems_.add(line.place, "is all zero, which is no secret; make a key with `adit genkey`");
  } else if (key) {
    draft_.private_key.emplace(std::move(*key));
  }
}

void WgQuickReading::read_preshared_key(const WgQuickValue& line) {
  auto& peer = draft_.config.peer;
  auto key = parse(line, crypto::parse_preshared_key);
  // All zero is how WireGuard says that there is none (paper §5.4.2).
  peer.has_preshared_key = key && !is_all_zero(key->value);
  if (key) peer.preshared_key = std::move(key->value);
}

void WgQuickReading::read_table(const WgQuickValue& line) {
  has_routes_ = line.value != "off";
  table_.reset();
  if (!has_routes_ || line.value == "auto") return;
  const auto table = parse(line, parse_table);
  if (table) table_ = table->value;
}

/// Addresses are servers, and names are domains to search.
void WgQuickReading::read_dns(const WgQuickValue& line) {
  auto& [servers, domains] = draft_.config.dns;
  for (const auto& word : words_of(line)) {
    if (servers.size() + domains.size() == kMaxAddresses - 1) {
      problems_.add(word.place, fmt::format("has too many elements; Adit takes {}", kMaxAddresses - 1));
      return;
    }
    if (is_address_for_wg_quick(word.value)) {
      if (auto server = parse(word, parse_name_server)) {
        servers.push_back(server->value);
        draft_.dns_places.push_back(server->place);
      }
    } else if (auto domain = parse(word, parse_domain)) {
      if (domains.empty()) first_domain_ = domain->place;
      domains.push_back(std::move(domain->value));
    }
  }
}

/// wg-quick has these servers asked for all names, and no others.
void WgQuickReading::finish_dns() {
  auto& [servers, domains] = draft_.config.dns;
  if (!servers.empty()) {
    if (std::ranges::find(domains, kAllNames) == domains.end()) domains.emplace_back(kAllNames);
  } else if (!domains.empty()) {
    note(first_domain_, "is not carried over: Adit takes domains with a name server only; add its address");
    domains.clear();
  }
}

/// As wg-quick does: each allowed subnet that the interface's own do not hold, or all of them in a table of their own.
void WgQuickReading::add_routes() {
  std::vector<IpNetwork> addresses;
  for (const auto& item : draft_.addresses.items) addresses.push_back(item.value);
  std::vector<At<DraftRoute>> routes;
  for (const auto& [network, place] : draft_.allowed_ips->items) {
    if (!has_routes_ || (!table_ && is_within(addresses, network))) continue;
    const bool is_own = std::ranges::find(addresses, network, &IpNetwork::network) != addresses.end();
    if (is_own && table_ == kMainTable) continue;
    const auto* const family = network.address.is_v6() ? "IPv6" : "IPv4";
    if (can_route(addresses, network)) {
      routes.push_back({{network, {}, table_, {}}, place});
    } else if (draft_.addresses.complete && network.prefix == 0 && !table_) {
      routes.push_back({{network, {}, table_, {}}, place});
      note(place, fmt::format("{} blocks {}: the interface has no address of that family, so nothing of it leaves this "
                              "host, as with wg-quick; take the route out to let it go past the tunnel",
                              to_string(network), family));
    } else if (draft_.addresses.complete) {
      note(place, fmt::format("{} is not routed: the interface has no address of that family, so what is sent there "
                              "goes past the tunnel, where wg-quick would have held it back; give the interface an "
                              "{} address, here and at the peer",
                              to_string(network), family));
    }
  }
  auto& all = draft_.routes.items;
  all = effects_.routes;
  all.insert(all.begin(), std::make_move_iterator(routes.begin()), std::make_move_iterator(routes.end()));
}

/// At the line that would have said it, if it is there and empty; else where its section begins.
void WgQuickReading::missing(WgQuickKey key, std::string_view hint) {
  if (std::ranges::find(sections_.mistaken, key) != sections_.mistaken.end()) return;
  const auto empty = std::ranges::find(empty_, key, &WgQuickLine::key);
  if (empty != empty_.end()) {
    problems_.add(empty->value.place, fmt::format("is empty: {}", hint));
  } else {
    const bool is_peers = key == WgQuickKey::public_key || key == WgQuickKey::allowed_ips;
    auto place = is_peers ? sections_.peer : sections_.interface;
    place.key = name_of(key);
    problems_.add(place, fmt::format("is missing: {}", hint));
  }
}

void WgQuickReading::finish() {
  finish_hooks();
  adopt_key_files();
  adopt_addresses();
  if (!given_.private_key) {
    missing(WgQuickKey::private_key,
            "write the key itself into the file, `adit genkey` makes one; or PrivateKeyFile = FILE");
  }
  auto& addresses = draft_.addresses;
  if (addresses.items.empty() && addresses.complete) {
    missing(WgQuickKey::address, "it lists this end's addresses inside the tunnel");
    addresses.complete = false;
  }
  if (!given_.public_key) missing(WgQuickKey::public_key, "[Peer] says with it who is at the other end");
  finish_allowed();
  add_routes();
  note_hooks();
  finish_dns();
}

void WgQuickReading::finish_allowed() {
  // wg takes a subnet twice, as once.
  std::vector<At<IpNetwork>> unique;
  std::set<IpNetwork> seen;
  auto& allowed = *draft_.allowed_ips;
  for (auto& item : allowed.items) {
    if (seen.insert(item.value).second) unique.push_back(std::move(item));
  }
  allowed.items = std::move(unique);
  if (allowed.items.empty() && allowed.complete) {
    missing(WgQuickKey::allowed_ips, "without it the peer may neither send nor be sent anything");
  }
  if (has_routes_ && !table_) join_halves();
}

/// 0.0.0.0/1 and 128.0.0.0/1 are a default route in disguise. As one it spares the encrypted packets, which the halves
/// would lead into the tunnel.
void WgQuickReading::join_halves() {
  auto& items = draft_.allowed_ips->items;
  for (const auto& [lower, upper] : {std::pair("0.0.0.0/1", "128.0.0.0/1"), std::pair("::/1", "8000::/1")}) {
    const auto first = std::ranges::find(items, *IpNetwork::parse(lower), &At<IpNetwork>::value);
    const auto second = std::ranges::find(items, *IpNetwork::parse(upper), &At<IpNetwork>::value);
    if (first == items.end() || second == items.end()) continue;
    const IpNetwork whole{IpAddress::any(first->value.family()), 0};
    note(second->place,
         fmt::format("{} and {} together are {}, and become that: a default route, which leaves the way of "
                     "the encrypted packets alone",
                     lower, upper, to_string(whole)));
    first->value = whole;
    items.erase(second);
  }
}

namespace {

/// Without one there is nothing to read; where an error explains that, it is enough.
bool has_both_sections(const WgQuickLines& file, Problems& problems) {
  const bool has_interface = file.interface.has_value();
  if (has_interface && !file.peers.empty()) return true;
  if (!has_interface && file.peers.empty() && !problems.empty()) return false;
  problems.add({1, 1, {}}, has_interface ? "there is no [Peer], which says who is at the other end"
                                         : "there is no [Interface], which is this end of the link");
  return false;
}

}  // namespace

std::expected<Config, std::vector<Problem>> read_wg_quick(std::string_view text, const WgQuickSource& source) {
  Problems problems(source.file);
  Draft draft;
  if (check_text(text, problems, Indentation::any)) {
    auto plain = with_plain_spaces(text, problems);
    auto split = split_wg_quick(plain, problems);
    if (has_both_sections(split, problems) && choose_peer(split, source.peer, problems)) {
      WgQuickReading reader(source, problems);
      const auto peer = source.peer.value_or(1);
      reader.read(split.lines, {*split.interface, split.peers[peer - 1].place, split.mistaken});
      draft = reader.take();
      validate(draft, problems);
    }
    explicit_bzero(plain.data(), plain.size());
  }
  if (!problems.empty()) return std::unexpected(problems.take_errors());
  auto config = assemble(std::move(draft));
  config.warnings = problems.take_warnings();
  return config;
}

std::expected<std::vector<std::string>, std::vector<Problem>> peer_names(std::string_view text,
                                                                         const std::string& file) {
  Problems problems(file);
  std::vector<std::string> names;
  if (check_text(text, problems, Indentation::any)) {
    auto plain = with_plain_spaces(text, problems);
    auto split = split_wg_quick(plain, problems);
    if (has_both_sections(split, problems)) {
      for (auto& peer : split.peers) names.push_back(std::move(peer.name));
    }
    explicit_bzero(plain.data(), plain.size());
  }
  if (names.empty()) return std::unexpected(problems.take_errors());
  return names;
}

}  // namespace adit::config
