// SPDX-License-Identifier: MIT
// wg-quick's lines fill the same Draft as the sections of a YAML file, and are validated by the same rules.
#include "config/wg_quick_reader.h"

#include <fmt/core.h>

#include <algorithm>
#include <set>

#include "config/draft.h"
#include "config/fields.h"
#include "config/file_text.h"
#include "config/validate.h"
#include "config/wg_quick_file.h"
#include "config/wg_quick_hooks.h"
#include "config/wg_quick_routes.h"
#include "config/wg_quick_values.h"

namespace adit::config {
namespace {

class Reader {
 public:
  Reader(const WgQuickSource& source, Problems& problems) : source_(source), problems_(problems) {}

  void read(const std::vector<WgQuickLine>& lines);
  Draft take() { return std::move(draft_); }

 private:
  void read_line(WgQuickKey key, const WgQuickValue& line);
  void read_interface_line(WgQuickKey key, const WgQuickValue& line);
  void read_private_key(const WgQuickValue& line);
  void read_preshared_key(const WgQuickValue& line);
  void read_table(const WgQuickValue& line);
  void read_dns(const WgQuickValue& line);
  void finish_dns();
  void read_hook(WgQuickKey key, const WgQuickValue& line);
  void note_repeated(const WgQuickLine& line);
  void finish();
  void add_routes();
  void note_hooks();

  template <class T>
  std::optional<At<T>> parse(const WgQuickValue& line, Result<T> (*parser)(std::string_view)) {
    auto value = parser(line.value);
    if (value) return At<T>{std::move(*value), line.place};
    problems_.add(line.place, line.value.empty() ? "is empty; give it a value or remove the line"
                                                 : std::move(value.error().message));
    return std::nullopt;
  }

  template <class T>
  void read_list(const WgQuickValue& line, DraftList<T>& list, std::size_t max, Result<T> (*parser)(std::string_view)) {
    for (const auto& word : words_of(line)) {
      if (list.items.size() == max) {
        problems_.add(word.place, fmt::format("has too many elements; Adit takes {}", max));
        list.complete = false;
        return;
      }
      if (auto value = parse(word, parser)) {
        list.items.push_back(std::move(*value));
      } else {
        list.complete = false;
      }
    }
  }

  void note(const Place& place, std::string reason) { problems_.warn(place, std::move(reason)); }

  const WgQuickSource& source_;
  Problems& problems_;
  Draft draft_;
  std::vector<WgQuickLine> seen_;
  bool has_private_key_ = false;
  bool has_public_key_ = false;
  bool has_routes_ = true;  ///< Table is not off
  std::optional<std::uint32_t> table_;
  Place first_domain_;                                      ///< of `DNS`
  std::vector<At<Hook>> first_up_, up_, down_, last_down_;  ///< PreUp, PostUp, PreDown, PostDown
};

void Reader::read(const std::vector<WgQuickLine>& lines) {
  draft_.config.name = source_.name;
  draft_.config.file = source_.file;
  if (source_.interface != source_.name) draft_.name = {source_.interface, {}};
  draft_.addresses.complete = true;
  draft_.allowed_ips.emplace();
  draft_.config.peer.keepalive.reset();  // what its absence means to wg-quick
  for (const auto& line : lines) {
    note_repeated(line);
    read_line(line.key, line.value);
  }
  finish();
}

/// Lists and hooks go on in further lines; of all others the last one counts, as wg-quick has it.
void Reader::note_repeated(const WgQuickLine& line) {
  using enum WgQuickKey;
  for (const auto key : {address, dns, allowed_ips, pre_up, post_up, pre_down, post_down}) {
    if (line.key == key) return;
  }
  const auto earlier = std::ranges::find(seen_, line.key, &WgQuickLine::key);
  if (earlier != seen_.end()) {
    note(line.value.place, fmt::format("replaces line {}, as it does for wg-quick; remove the one that is not meant",
                                       earlier->value.place.line));
    *earlier = line;
  } else {
    seen_.push_back(line);
  }
}

void Reader::read_line(WgQuickKey key, const WgQuickValue& line) {
  auto& peer = draft_.config.peer;
  switch (key) {
    case WgQuickKey::public_key:
      has_public_key_ = true;
      draft_.public_key = parse(line, parse_peer_key);
      break;
    case WgQuickKey::preshared_key:
      read_preshared_key(line);
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
      if (const auto seconds = parse(line, parse_keepalive_seconds); seconds && seconds->value > 0) {
        peer.keepalive = std::chrono::seconds(seconds->value);
      }
      break;
    default:
      read_interface_line(key, line);
  }
}

void Reader::read_interface_line(WgQuickKey key, const WgQuickValue& line) {
  switch (key) {
    case WgQuickKey::private_key:
      return read_private_key(line);
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

void Reader::read_private_key(const WgQuickValue& line) {
  has_private_key_ = true;
  auto key = parse(line, crypto::parse_private_key);
  if (key && is_all_zero(key->value)) {
    problems_.add(line.place, "is all zero, which is no secret; make a key with `adit genkey`");
  } else if (key) {
    draft_.private_key.emplace(std::move(*key));
  }
}

void Reader::read_preshared_key(const WgQuickValue& line) {
  auto& peer = draft_.config.peer;
  auto key = parse(line, crypto::parse_preshared_key);
  // All zero is how WireGuard says that there is none (paper §5.4.2).
  peer.has_preshared_key = key && !is_all_zero(key->value);
  if (key) peer.preshared_key = std::move(key->value);
}

void Reader::read_table(const WgQuickValue& line) {
  has_routes_ = line.value != "off";
  table_.reset();
  if (!has_routes_ || line.value == "auto") return;
  const auto table = parse(line, parse_table);
  if (table) table_ = table->value;
}

/// Addresses are servers, and names are domains to search.
void Reader::read_dns(const WgQuickValue& line) {
  auto& [servers, domains] = draft_.config.dns;
  for (const auto& word : words_of(line)) {
    if (servers.size() + domains.size() == kMaxAddresses - 1) {
      problems_.add(word.place, fmt::format("has too many elements; Adit takes {}", kMaxAddresses - 1));
      return;
    }
    if (is_address_for_wg_quick(word.value)) {
      if (auto server = parse(word, parse_name_server)) servers.push_back(server->value);
    } else if (auto domain = parse(word, parse_domain)) {
      if (domains.empty()) first_domain_ = domain->place;
      domains.push_back(std::move(domain->value));
    }
  }
}

/// wg-quick has these servers asked for all names, and no others.
void Reader::finish_dns() {
  auto& [servers, domains] = draft_.config.dns;
  if (!servers.empty()) {
    if (std::ranges::find(domains, kAllNames) == domains.end()) domains.emplace_back(kAllNames);
  } else if (!domains.empty()) {
    note(first_domain_, "is not carried over: Adit takes domains with a name server only; add its address");
    domains.clear();
  }
}

void Reader::read_hook(WgQuickKey key, const WgQuickValue& line) {
  if (line.value.empty()) return;
  if (key == WgQuickKey::post_up) {
    if (auto route = route_of_command(line.value, line.place)) {
      draft_.routes.items.push_back({std::move(*route), line.place});
      return;
    }
  }
  const bool is_up = key == WgQuickKey::pre_up || key == WgQuickKey::post_up;
  auto hook = hook_from_wg_quick(line.value, is_up ? HookKind::up : HookKind::down, source_.interface);
  auto& hooks = key == WgQuickKey::pre_up     ? first_up_
                : key == WgQuickKey::post_up  ? up_
                : key == WgQuickKey::pre_down ? down_
                                              : last_down_;
  if (line.value.size() > kMaxHookText / 2) {
    problems_.add(line.place, fmt::format("has {} bytes; put it into a script and name that", line.value.size()));
  }
  hooks.push_back({std::move(hook), line.place});
}

void Reader::note_hooks() {
  for (const auto& hook : first_up_) {
    note(hook.place,
         "runs later than with wg-quick: when addresses, routes and the socket are there already (hooks.up); check "
         "that it can");
  }
  for (const auto& hook : last_down_) {
    note(hook.place,
         "runs earlier than with wg-quick: while the interface is still there (hooks.down); check that it can");
  }
  for (auto* const hooks : {&first_up_, &up_, &down_, &last_down_}) {
    if (hooks->empty()) continue;
    note(hooks->front().place, fmt::format("is ended if it takes longer than {} seconds, which wg-quick does not do; "
                                           "a hook's timeout can be up to {} minutes",
                                           kDefaultHookTimeout.count(), kMaxHookTimeout.count() / 60));
    break;
  }
  auto& config = draft_.config.hooks;
  const auto take = [&](std::vector<At<Hook>>& from, std::vector<Hook>& to) {
    for (auto& hook : from) {
      to.push_back(std::move(hook.value));
      if (to.size() != kMaxHooks + 1) continue;
      problems_.add(hook.place,
                    fmt::format("is one too many; Adit runs {} hooks, put several into a script", kMaxHooks));
    }
  };
  take(first_up_, config.up);
  take(up_, config.up);
  take(down_, config.down);
  take(last_down_, config.down);
}

/// As wg-quick does: each allowed subnet that the interface's own do not hold, or all of them in a table of their own.
void Reader::add_routes() {
  std::vector<IpNetwork> addresses;
  for (const auto& item : draft_.addresses.items) addresses.push_back(item.value);
  std::vector<At<DraftRoute>> routes;
  for (const auto& [network, place] : draft_.allowed_ips->items) {
    if (!has_routes_ || (!table_ && is_within(addresses, network))) continue;
    const bool is_own = std::ranges::find(addresses, network, &IpNetwork::network) != addresses.end();
    if (is_own && table_ == kMainTable) continue;
    const auto* const family = network.address.is_v6() ? "IPv6" : "IPv4";
    if (has_family(addresses, network.family())) {
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
  all.insert(all.begin(), std::make_move_iterator(routes.begin()), std::make_move_iterator(routes.end()));
}

void Reader::finish() {
  const auto missing = [&](std::string_view key, std::string_view hint) {
    problems_.add({0, 0, std::string(key)}, fmt::format("is missing: {}", hint));
  };
  if (!has_private_key_) {
    missing("PrivateKey", "write the key itself into the file, `adit genkey` makes one; a hook cannot set it");
  }
  auto& addresses = draft_.addresses;
  if (addresses.items.empty() && addresses.complete) {
    missing("Address", "it lists this end's addresses inside the tunnel");
    addresses.complete = false;
  }
  if (!has_public_key_) missing("PublicKey", "[Peer] says with it who is at the other end");
  // wg takes a subnet twice, as once.
  std::vector<At<IpNetwork>> unique;
  std::set<IpNetwork> seen;
  auto& allowed = *draft_.allowed_ips;
  for (auto& item : allowed.items) {
    if (seen.insert(item.value).second) unique.push_back(std::move(item));
  }
  allowed.items = std::move(unique);
  if (allowed.items.empty() && allowed.complete) {
    missing("AllowedIPs", "without it the peer may neither send nor be sent anything");
  }
  add_routes();
  note_hooks();
  finish_dns();
}

}  // namespace

std::expected<Config, std::vector<Problem>> read_wg_quick(std::string_view text, const WgQuickSource& source) {
  Problems problems(source.file);
  Draft draft;
  if (check_text(text, problems, Indentation::any)) {
    Reader reader(source, problems);
    reader.read(split_wg_quick(text, problems));
    draft = reader.take();
    validate(draft, problems);
  }
  if (!problems.empty()) return std::unexpected(problems.take_errors());
  auto config = assemble(std::move(draft));
  config.warnings = problems.take_warnings();
  return config;
}

}  // namespace adit::config
