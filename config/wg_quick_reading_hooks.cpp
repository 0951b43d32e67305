// SPDX-License-Identifier: MIT
// What a key of ours does better than a command is taken out of the hooks; the rest is kept, with what is to be known
// about where hooks run.
#include <fmt/core.h>

#include <algorithm>

#include "config/fields.h"
#include "config/hook_advice.h"
#include "config/shell_text.h"
#include "config/wg_quick_reading.h"
#include "config/wording.h"

namespace adit::config {
namespace {

/// Whether one of the line's words is the interface's name.
bool names_interface(std::string_view line, std::string_view interface) {
  return std::ranges::any_of(commands_of(line), [&](const ShellCommand& command) {
    const auto words = shell_words(command.text);
    return std::ranges::find(words, interface) != words.end();
  });
}

}  // namespace

void WgQuickReading::read_hook(WgQuickKey key, const WgQuickValue& line) {
  if (line.value.size() > kMaxHookText / 2) {
    problems_.add(line.place, fmt::format("has {} bytes; put it into a script and name that", line.value.size()));
  }
  auto& lines = key == WgQuickKey::pre_up     ? hook_lines_.first_up
                : key == WgQuickKey::post_up  ? hook_lines_.up
                : key == WgQuickKey::pre_down ? hook_lines_.down
                                              : hook_lines_.last_down;
  lines.push_back(line);
}

/// False: it is in the first link's file alone, which is not this one.
bool WgQuickReading::add_hook(const WgQuickValue& line, std::string_view rest, HookKind kind) {
  if (rest.empty()) return true;
  const bool names_wg_interface = names_interface(rest, wg_interface());
  if (source_.beside_others && !rest.contains("%i") && !names_wg_interface) {
    if (source_.peer.value_or(1) != 1) return false;
    note(line.place,
         "is in the first link's file alone: it does not name the interface (%i), so it is about this host, and each "
         "link would do it again; copy it into the file of another link that needs it while the first does not run");
  }
  auto& hooks = kind == HookKind::up ? draft_.config.hooks.up : draft_.config.hooks.down;
  hooks.push_back(hook_from_wg_quick(rest, kind, source_.interface));
  for (const auto& trouble : hook_troubles(hooks.back())) note(line.place, fmt::format("{}{}", kHookTrouble, trouble));
  if (wg_interface() != source_.interface && names_wg_interface) {
    note(line.place, fmt::format("names the interface {}, which is {} here: write %i in its place, and import again",
                                 wg_interface(), source_.interface));
  }
  if (hooks.size() == kMaxHooks + 1) {
    problems_.add(line.place, fmt::format("is one too many; Adit runs {} hooks, put several into a script", kMaxHooks));
  }
  return true;
}

/// What a key of ours does better is taken out of the lines first; then the rest of them are hooks.
void WgQuickReading::finish_hooks() {
  WgQuickCommands commands(wg_interface(), draft_.public_key ? to_base64(draft_.public_key->value) : std::string());
  const auto add = [&](std::vector<WgQuickValue>& lines, HookKind kind) {
    std::vector<WgQuickValue> ours;
    for (auto& line : lines) {
      const auto rest =
          kind == HookKind::up ? commands.take_up(line.value, line.place) : commands.take_down(line.value);
      if (add_hook(line, rest, kind)) ours.push_back(std::move(line));
    }
    lines = std::move(ours);
  };
  add(hook_lines_.first_up, HookKind::up);
  add(hook_lines_.up, HookKind::up);
  add(hook_lines_.down, HookKind::down);
  add(hook_lines_.last_down, HookKind::down);
  auto& found = effects_;
  found.addresses = commands.effects().addresses;
  found.routes = commands.effects().routes;
  found.forward = commands.effects().forward;
  found.key_command = commands.effects().key_command;
  if (commands.effects().private_key_file) found.private_key_file = commands.effects().private_key_file;
  if (commands.effects().preshared_key_file) found.preshared_key_file = commands.effects().preshared_key_file;
  if (found.forward) {
    draft_.config.interface.forward = true;
    note(*found.forward,
         "becomes interface.forward: true; where the unit may not, it says which file in /etc/sysctl.d "
         "to write");
  }
}

/// The file goes to the key that names it. What it holds is looked at when the link starts.
void WgQuickReading::adopt_key_files() {
  constexpr std::string_view readable =
      "must be readable by the user adit alone, which does not get into /etc/wireguard: install -m 600 -o adit FILE "
      "/etc/adit/, and name that";
  auto& local = draft_.config.local;
  auto& peer = draft_.config.peer;
  const auto note_file = [&](const At<std::string>& file) {
    if (!file.value.starts_with("/etc/adit/")) note(file.place, fmt::format("{} {}", shown(file.value), readable));
  };
  if (const auto& file = effects_.private_key_file; file && !given_.private_key) {
    local.private_key_file = file->value;
    note_file(*file);
  } else if (const auto& command = effects_.key_command; command && !given_.private_key) {
    local.private_key_file = source_.name + ".key";
    note(command->place,
         fmt::format("the key comes from a command, which Adit does not run for it: write it into the "
                     "file once, as root: (umask 077; {} >/etc/adit/{}.key)",
                     shown(command->value).starts_with('"') ? command->value : "COMMAND", source_.name));
  }
  given_.private_key = given_.private_key || !local.private_key_file.empty();
  if (const auto& file = effects_.preshared_key_file) {
    peer.has_preshared_key = true;
    peer.preshared_key = {};
    peer.preshared_key_file = file->value;
    note_file(*file);
  }
}

/// The n-th far end goes with the n-th address of its family, so those that have one come first.
void WgQuickReading::adopt_addresses() {
  auto& addresses = draft_.addresses.items;
  std::size_t with_peer = 0;
  for (const auto& [address, peer] : effects_.addresses) {
    std::erase_if(addresses, [&](const auto& each) { return each.value == address.value; });
    if (!peer) {
      addresses.push_back(address);
      continue;
    }
    addresses.insert(addresses.begin() + static_cast<std::ptrdiff_t>(std::min(with_peer++, addresses.size())), address);
    draft_.peer_addresses.items.push_back(*peer);
  }
  if (!source_.beside_others) return;
  for (auto& [address, place] : addresses) address.prefix = static_cast<std::uint8_t>(address.address.bits());
}

void WgQuickReading::note_hooks() {
  const auto& [first_up, up, down, last_down] = hook_lines_;
  for (const auto& line : first_up) {
    note(line.place,
         "runs later than with wg-quick: when addresses, routes and the socket are there already (hooks.up); check "
         "that it can");
  }
  for (const auto& line : last_down) {
    note(line.place,
         "runs earlier than with wg-quick: while the interface is still there (hooks.down); check that it can");
  }
  if (draft_.config.hooks == Hooks()) return;
  for (const auto* const lines : {&first_up, &up, &down, &last_down}) {
    if (lines->empty()) continue;
    note(
        lines->front().place,
        fmt::format("runs as the user adit in the unit's sandbox, with CAP_NET_ADMIN and no other right of root's "
                    "(docs/service.md), and is ended if it takes longer than {} seconds, which wg-quick does not do; a "
                    "hook's timeout can be up to {} minutes",
                    kDefaultHookTimeout.count(), kMaxHookTimeout.count() / 60));
    break;
  }
}

}  // namespace adit::config
