// SPDX-License-Identifier: MIT
#include "config/wg_quick_commands.h"

#include <algorithm>
#include <array>
#include <functional>
#include <utility>

#include "config/fields.h"
#include "config/hook_advice.h"
#include "config/shell_text.h"
#include "config/wg_quick_hooks.h"
#include "config/wg_quick_routes.h"

namespace adit::config {
namespace {

constexpr std::string_view kInterfaceMark = "%i";

/// What cannot be taken out of a line without changing the rest of it.
bool is_compound(const ShellCommand& command) {
  constexpr auto kWords = std::to_array<std::string_view>(
      {"if", "then", "elif", "else", "fi", "for", "while",  "until", "do",   "done", "case", "esac", "function",
       "!",  "{",    "}",    "(",    ")",  "[[",  "select", "set",   "trap", "cd",   "exec", "eval"});
  const auto first = command.text.substr(0, command.text.find_first_of(" \t"));
  return first.starts_with('(') || std::ranges::find(kWords, first) != kWords.end();
}

bool is_may_fail(const ShellCommand& command) {
  return command.separator == "||" &&
         (command.text == "true" || command.text == ":" || command.text == "exit" || command.text == "exit 1");
}

bool joins(std::string_view separator) {
  return separator.empty() || separator == ";" || separator == "&&" || separator == "\n";
}

/// wg-quick is root already.
std::vector<std::string> words_of(std::string_view command) {
  auto words = shell_words(command);
  if (words.size() > 1 && words.front() == "sudo" && !words[1].starts_with('-')) words.erase(words.begin());
  return words;
}

/// The line without the commands that `taken` takes.
std::string without(std::string_view line, const std::function<bool(std::string_view)>& taken) {
  const auto commands = commands_of(line);
  if (std::ranges::any_of(commands, is_compound)) return std::string(line);
  std::string rest;
  bool is_whole = true;
  for (std::size_t i = 0; i < commands.size(); ++i) {
    const bool may_fail = i + 1 < commands.size() && is_may_fail(commands[i + 1]);
    const std::size_t next = may_fail ? i + 2 : i + 1;
    const bool stands_alone =
        joins(commands[i].separator) && (next >= commands.size() || joins(commands[next].separator));
    if (stands_alone && taken(commands[i].text)) {
      i = next - 1;
      is_whole = false;
      continue;
    }
    if (!rest.empty()) {
      const auto separator = commands[i].separator == "\n" ? std::string_view(";") : commands[i].separator;
      rest += separator == ";" ? "" : " ";
      rest += std::string(separator) + " ";
    }
    rest += commands[i].text;
  }
  return is_whole ? std::string(line) : rest;
}

/// `ip [-4|-6] addr add …` and its other spellings; the words behind `add`.
std::vector<std::string> address_arguments(const std::vector<std::string>& words, std::string_view verb) {
  std::size_t at = 1;
  if (words.empty() || (words[0] != "ip" && words[0] != "/sbin/ip" && words[0] != "/usr/sbin/ip")) return {};
  while (at < words.size() && (words[at] == "-4" || words[at] == "-6")) ++at;
  if (at + 1 >= words.size()) return {};
  if (words[at] != "addr" && words[at] != "address" && words[at] != "a") return {};
  const bool is_verb = words[at + 1] == verb || (verb == "add" && (words[at + 1] == "a" || words[at + 1] == "replace"));
  if (!is_verb) return {};
  return {words.begin() + static_cast<std::ptrdiff_t>(at + 2), words.end()};
}

struct AddressWords {
  std::string address;
  std::string peer;
};

/// ADDRESS [peer PEER] dev %i, in any order; nothing if there is anything else.
std::optional<AddressWords> address_of(const std::vector<std::string>& arguments) {
  AddressWords found;
  bool on_interface = false;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const auto& word = arguments[i];
    const bool has_value = i + 1 < arguments.size();
    if (word == "dev" && has_value) {
      on_interface = arguments[++i] == kInterfaceMark;
    } else if ((word == "peer" || word == "remote") && has_value) {
      found.peer = arguments[++i];
    } else if (word == "local" && has_value) {
      found.address = arguments[++i];
    } else if (word == "scope" && has_value) {
      ++i;  // follows from the address
    } else if (word == "nodad") {
      continue;  // there is nobody else on the link
    } else if (found.address.empty()) {
      found.address = word;
    } else {
      return std::nullopt;
    }
  }
  if (!on_interface || found.address.empty()) return std::nullopt;
  return found;
}

/// `wg set %i KEY VALUE…`; nothing if it is another command.
std::optional<std::vector<std::pair<std::string, std::string>>> wg_settings(const std::vector<std::string>& words) {
  if (words.size() < 5 || (words[0] != "wg" && words[0] != "/usr/bin/wg") || words[1] != "set" ||
      words[2] != kInterfaceMark || words.size() % 2 == 0) {
    return std::nullopt;
  }
  std::vector<std::pair<std::string, std::string>> settings;
  for (std::size_t i = 3; i + 1 < words.size(); i += 2) settings.emplace_back(words[i], words[i + 1]);
  return settings;
}

}  // namespace

std::string WgQuickCommands::take_up(std::string_view given, const Place& place) {
  const auto line = with_mark(given);
  if (understand_quoted_file(given, place) || understand_pipe(line, place)) return {};
  return without(line, [&](std::string_view command) { return understand(command, place); });
}

std::string WgQuickCommands::take_down(std::string_view given) const {
  const auto line = with_mark(given);
  return without(line, [&](std::string_view command) { return takes_back(command); });
}

bool WgQuickCommands::understand(std::string_view command, const Place& place) {
  if (auto route = route_of_command(command, place)) {
    effects_.routes.push_back({std::move(*route), place});
    return true;
  }
  const auto words = words_of(command);
  if (sets_forwarding(words, "1")) {
    if (!effects_.forward) effects_.forward = place;
    return true;
  }
  return understand_address(words, place) || understand_keys(words, place);
}

bool WgQuickCommands::understand_address(const std::vector<std::string>& words, const Place& place) {
  const auto found = address_of(address_arguments(words, "add"));
  if (!found) return false;
  const auto peer = IpNetwork::parse(found->peer);
  auto address = IpNetwork::parse(found->address);
  if (!address || (!found->peer.empty() && !peer)) return false;
  // The kernel keeps one prefix, and it is the peer's.
  if (peer) address->prefix = peer->prefix;
  if (!parse_interface_address(to_string(*address))) return false;
  std::optional<At<IpAddress>> far;
  if (peer) far = {peer->address, place};
  effects_.addresses.push_back({{*address, place}, far});
  return true;
}

bool WgQuickCommands::understand_keys(const std::vector<std::string>& words, const Place& place) {
  const auto settings = wg_settings(words);
  if (!settings) return false;
  std::optional<At<std::string>> ours;
  std::optional<At<std::string>> shared;
  std::optional<At<std::string>> command;
  for (const auto& [key, value] : *settings) {
    if (key == "private-key" && value.starts_with("<(") && value.ends_with(')')) {
      command = {value.substr(2, value.size() - 3), place};
    } else if (key == "private-key" && !value.contains('$')) {
      ours = file(value, place);
    } else if (key == "preshared-key" && !value.contains('$') && !value.contains('(')) {
      shared = file(value, place);
    } else if (key != "peer" || value != peer_key_) {
      return false;
    }
  }
  if (ours) effects_.private_key_file = std::move(ours);
  if (shared) effects_.preshared_key_file = std::move(shared);
  if (command) effects_.key_command = std::move(command);
  return true;
}

/// `wg set %i private-key 'FILE'` with a name that is plain to a shell in quotes alone: nothing in it expands.
bool WgQuickCommands::understand_quoted_file(std::string_view line, const Place& place) {
  const std::string shared = "wg set %i peer " + peer_key_ + " preshared-key ";
  const auto name_behind = [&](std::string_view command) -> std::optional<At<std::string>> {
    if (!line.starts_with(command)) return std::nullopt;
    auto name = quoted_word_from_wg_quick(line.substr(command.size()), interface_);
    return name ? std::optional(At<std::string>{std::move(*name), place}) : std::nullopt;
  };
  if (auto ours = name_behind("wg set %i private-key ")) {
    effects_.private_key_file = std::move(ours);
  } else if (auto theirs = name_behind(shared)) {
    effects_.preshared_key_file = std::move(theirs);
  } else {
    return false;
  }
  return true;
}

/// `cat FILE | wg set %i private-key /dev/stdin`, or with another command before the pipe.
bool WgQuickCommands::understand_pipe(std::string_view line, const Place& place) {
  const auto commands = commands_of(line);
  if (commands.size() != 2 || commands[1].separator != "|") return false;
  const auto settings = wg_settings(words_of(commands[1].text));
  if (!settings || settings->size() != 1) return false;
  const auto& [key, value] = settings->front();
  if (key != "private-key" || value != "/dev/stdin") return false;
  const auto words = words_of(commands[0].text);
  if (words.size() == 2 && words[0] == "cat" && !words[1].starts_with('-') && !words[1].contains('$')) {
    effects_.private_key_file = file(words[1], place);
  } else {
    effects_.key_command = {std::string(commands[0].text), place};
  }
  return true;
}

/// With %i for the interface's name where that stands behind `dev` or `wg set`: many write it out.
std::string WgQuickCommands::with_mark(std::string_view line) const {
  std::string result(line);
  for (const std::string_view before : {"wg set ", "dev "}) {
    const auto written = std::string(before) + interface_;
    for (std::size_t at = 0; (at = result.find(written, at)) != std::string::npos; at += before.size()) {
      const auto end = at + written.size();
      const bool is_word = end == result.size() || std::string_view(" ;&|").contains(result[end]);
      if (is_word) result.replace(at + before.size(), interface_.size(), kInterfaceMark);
    }
  }
  return result;
}

bool WgQuickCommands::takes_back(std::string_view command) const {
  const auto words = words_of(command);
  if (effects_.forward && sets_forwarding(words, "0")) return true;
  for (const std::string_view verb : {"del", "delete", "d"}) {
    const auto address = address_of(address_arguments(words, verb));
    const auto network = address ? IpNetwork::parse(address->address) : std::nullopt;
    if (network && std::ranges::any_of(effects_.addresses, [&](const auto& each) {
          return each.address.value.address == network->address;
        })) {
      return true;
    }
  }
  for (const std::string_view verb : {"ip route del ", "ip route delete "}) {
    if (!command.starts_with(verb)) continue;
    const auto route = route_of_command("ip route add " + std::string(command.substr(verb.size())), {});
    if (route && std::ranges::any_of(effects_.routes, [&](const auto& each) {
          return each.value.to == route->to && each.value.table == route->table;
        })) {
      return true;
    }
  }
  return false;
}

At<std::string> WgQuickCommands::file(std::string_view written, const Place& place) const {
  std::string name;
  for (auto rest = written; !rest.empty();) {
    const auto at = rest.find(kInterfaceMark);
    name += rest.substr(0, at);
    if (at == std::string_view::npos) break;
    name += interface_;
    rest.remove_prefix(at + kInterfaceMark.size());
  }
  return {std::move(name), place};
}

}  // namespace adit::config
