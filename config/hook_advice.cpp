// SPDX-License-Identifier: MIT
#include "config/hook_advice.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <optional>

#include "config/shell_text.h"
#include "config/wording.h"

namespace adit::config {
namespace {

constexpr std::string_view kKernelSettings = "/proc/sys/";

struct Known {
  std::string_view program;
  std::string_view reason;  ///< what follows "PROGRAM fails there: "
};

constexpr std::string_view kNoMoreRights =
    "no program gets more rights than the hook has, which is CAP_NET_ADMIN; write the command without it, and what "
    "needs root into a unit of its own";
constexpr std::string_view kNoUnits =
    "the user adit may not start or stop units; name the unit in a drop-in instead (systemctl edit adit@NAME: "
    "Wants=OTHER.service, or ExecStartPost=+COMMAND, which runs as root)";
constexpr std::string_view kNoModules =
    "it may not load modules; write the module's name into /etc/modules-load.d/adit.conf";
constexpr std::string_view kNoRaw =
    "it has no raw sockets, nor do setuid programs get them; leave it out: keepalive keeps the link alive, and "
    "`adit status` says whether it is";
constexpr std::string_view kNoDns = "the user adit may not set name servers that way; write dns.servers instead";
constexpr std::string_view kNoDaemon =
    "it talks to a service that wants root; do it once beforehand, or from a unit of its own";
constexpr std::string_view kNoNamespaces =
    "it may not enter other namespaces; do it from a unit of its own that runs after this one";
constexpr std::string_view kNoMail = "setuid and setgid programs get no rights; use curl, or a unit of its own";

constexpr auto kPrograms = std::to_array<Known>({
    {"sudo", kNoMoreRights},
    {"su", kNoMoreRights},
    {"doas", kNoMoreRights},
    {"pkexec", kNoMoreRights},
    {"runuser", kNoMoreRights},
    {"systemctl", kNoUnits},
    {"service", kNoUnits},
    {"systemd-run", kNoUnits},
    {"rc-service", kNoUnits},
    {"wg",
     "its socket is for root alone; what it would set is a key of the file, and what it would show `adit status` does"},
    {"wg-quick", "it wants root; make a file for the other link with `adit import`"},
    {"modprobe", kNoModules},
    {"insmod", kNoModules},
    {"rmmod", kNoModules},
    {"ping", kNoRaw},
    {"ping6", kNoRaw},
    {"fping", kNoRaw},
    {"arping", kNoRaw},
    {"traceroute", kNoRaw},
    {"mtr", kNoRaw},
    {"tcpdump", kNoRaw},
    {"resolvectl", kNoDns},
    {"systemd-resolve", kNoDns},
    {"resolvconf", kNoDns},
    {"nmcli", kNoDaemon},
    {"networkctl", kNoDaemon},
    {"ufw", "it wants root; write the rule with iptables or nft, or give it to ufw once"},
    {"firewall-cmd", kNoDaemon},
    {"netfilter-persistent", kNoDaemon},
    {"docker", kNoDaemon},
    {"podman", kNoDaemon},
    {"hostnamectl", kNoDaemon},
    {"timedatectl", kNoDaemon},
    {"mount", "it may not mount; use a .mount unit"},
    {"umount", "it may not mount; use a .mount unit"},
    {"nsenter", kNoNamespaces},
    {"unshare", kNoNamespaces},
    {"mail", kNoMail},
    {"sendmail", kNoMail},
    {"crontab", kNoMail},
    {"at", kNoMail},
});

constexpr auto kNameServerPrograms = std::to_array<std::string_view>({"resolvectl", "systemd-resolve", "resolvconf"});

/// Folders that the user adit does not get to see or to enter.
constexpr auto kHidden =
    std::to_array<std::string_view>({"~/", "$HOME/", "${HOME}/", "/root/", "/home/", "/run/user/", "/etc/wireguard/"});
/// The only ones it can write to.
constexpr auto kWritable = std::to_array<std::string_view>(
    {"/dev/", "/tmp/", "/var/tmp/", "/run/adit/", "/run/wireguard/", "/var/run/wireguard/", "/var/lib/adit/"});
constexpr auto kWriters =
    std::to_array<std::string_view>({"tee", "cp", "mv", "rm", "touch", "mkdir", "ln", "install", "sed", "chmod"});

bool begins_with_one_of(std::string_view path, std::span<const std::string_view> folders) {
  return std::ranges::any_of(folders, [&](std::string_view folder) { return path.starts_with(folder); });
}

std::string_view base_name(std::string_view path) {
  return path.substr(path.rfind('/') + 1);
}

/// "net.ipv4.ip_forward" of "net/ipv4/ip_forward" and of a path below /proc/sys.
std::string setting_name(std::string_view text) {
  if (text.starts_with(kKernelSettings)) text.remove_prefix(kKernelSettings.size());
  std::string name(text);
  // Such a file knows no variables.
  for (const std::string_view variable : {"${ADIT_INTERFACE}", "$ADIT_INTERFACE"}) {
    if (const auto at = name.find(variable); at != std::string::npos) name.replace(at, variable.size(), "INTERFACE");
  }
  if (name.contains('/')) std::ranges::replace(name, '/', '.');
  return name;
}

bool is_forwarding(const std::string& setting) {
  if (setting == "net.ipv4.ip_forward") return true;
  return (setting.starts_with("net.ipv4.conf.") || setting.starts_with("net.ipv6.conf.")) &&
         setting.ends_with(".forwarding");
}

/// KEY and VALUE of each word KEY=VALUE behind `sysctl`; nothing if there is something else.
std::optional<std::vector<std::pair<std::string, std::string>>> settings_of(std::span<const std::string> words) {
  std::vector<std::pair<std::string, std::string>> settings;
  for (const auto& word : words.subspan(1)) {
    if (word == "-w" || word == "-q" || word == "-e" || word == "-qw" || word == "-wq" || word == "--write" ||
        word == "--quiet" || word.starts_with('>') || word.starts_with("2>") || word == "/dev/null") {
      continue;
    }
    const auto equals = word.find('=');
    if (word.starts_with('-') || equals == std::string::npos) return std::nullopt;
    settings.emplace_back(setting_name(std::string_view(word).substr(0, equals)), word.substr(equals + 1));
  }
  if (settings.empty()) return std::nullopt;
  return settings;
}

/// The file that `echo … > FILE` writes to.
std::optional<std::string> redirected_to(std::span<const std::string> words) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    std::string_view word = words[i];
    if (word.starts_with("1>")) word.remove_prefix(1);
    if (!word.starts_with('>') || word.starts_with(">&") || word.starts_with(">(")) continue;
    word.remove_prefix(std::min(word.find_first_not_of('>'), word.size()));
    if (!word.empty()) return std::string(word);
    if (i + 1 < words.size()) return words[i + 1];
  }
  return std::nullopt;
}

/// What the unit opens in /proc/sys, for interface.forward.
bool is_open(std::string_view setting) {
  return setting == "net.ipv4.ip_forward" || setting.starts_with("net.ipv6.conf.");
}

constexpr std::string_view kForward =
    "sets what `interface.forward` is for, and nothing puts it back; write `interface.forward: true` instead";

/// Nothing: it works.
std::optional<std::string> about_settings(std::span<const std::string> words) {
  const auto settings = settings_of(words);
  const auto all = [&](auto&& is_so) {
    return settings && std::ranges::all_of(*settings, [&](const auto& each) { return is_so(each.first); });
  };
  if (all(is_forwarding)) return fmt::format("sysctl {}", kForward);
  if (all(is_open)) return std::nullopt;
  const auto line = settings ? fmt::format("{} = {}", (*settings)[0].first, (*settings)[0].second) : "the setting";
  return fmt::format(
      "sysctl fails there: /proc/sys is read-only; write {} into /etc/sysctl.d/90-adit.conf and run `sysctl --system`",
      line);
}

std::optional<std::string> about_writing(const std::string& path) {
  if (path.starts_with(kKernelSettings)) {
    const auto setting = setting_name(path);
    if (is_forwarding(setting)) return fmt::format("writing to {} {}", path, kForward);
    if (is_open(setting)) return std::nullopt;
    return fmt::format(
        "writing to /proc/sys fails there: it is read-only; write {} = VALUE into /etc/sysctl.d/90-adit.conf and run "
        "`sysctl --system`",
        setting);
  }
  return fmt::format("writing to {} fails there: all but /run/adit, /var/lib/adit and /tmp is read-only; write there",
                     path);
}

bool is_read_only(std::string_view path) {
  return path.starts_with('/') && !begins_with_one_of(path, kWritable);
}

std::string about_hidden(const std::string& path) {
  return fmt::format(
      "{} cannot be read there, where the user adit does not get into that folder; put scripts into /usr/local/sbin "
      "and "
      "other files into /etc/adit",
      path);
}

/// Without what only stands before the program: variables, and programs that start another.
std::span<const std::string> without_prefixes(std::span<const std::string> words) {
  constexpr auto kStarters = std::to_array<std::string_view>(
      {"env", "nice", "exec", "command", "then", "do", "else", "if", "while", "!", "{", "(", "time", "nohup"});
  while (!words.empty()) {
    const std::string_view word = words.front();
    const auto equals = word.find('=');
    const bool is_variable = equals != std::string_view::npos && equals > 0 && !word.substr(0, equals).contains('/');
    if (!is_variable && std::ranges::find(kStarters, base_name(word)) == kStarters.end()) break;
    words = words.subspan(1);
  }
  return words;
}

class Troubles {
 public:
  void look_at_line(std::string_view line, int depth = 0);
  void look_at_words(std::span<const std::string> all, int depth = 0);
  std::vector<std::string> take() { return std::move(found_); }

 private:
  void add(std::optional<std::string> sentence) {
    if (sentence && std::ranges::find(found_, *sentence) == found_.end()) found_.push_back(std::move(*sentence));
  }
  void look_at_program(std::span<const std::string> words);

  std::vector<std::string> found_;
};

void Troubles::look_at_line(std::string_view line, int depth) {
  for (const auto& command : commands_of(line)) look_at_words(shell_words(command.text), depth);
}

void Troubles::look_at_words(std::span<const std::string> all, int depth) {
  const auto words = without_prefixes(all);
  if (words.empty()) return;
  const auto program = base_name(words[0]);
  const bool is_shell = program == "sh" || program == "bash" || program == "dash";
  if (is_shell && words.size() >= 3 && depth < 3 && words[words.size() - 2].starts_with('-') &&
      words[words.size() - 2].ends_with('c')) {
    return look_at_line(words.back(), depth + 1);
  }
  look_at_program(words);
  if (const auto file = redirected_to(words); file && is_read_only(*file)) add(about_writing(*file));
  const bool writes = std::ranges::find(kWriters, program) != kWriters.end();
  for (const auto& word : words.subspan(writes ? 1 : 0)) {
    if (begins_with_one_of(word, kHidden)) {
      add(about_hidden(word));
    } else if (program == "tee" && is_read_only(word)) {
      add(about_writing(word));
    }
  }
  // The last of those names what is written.
  if (writes && program != "tee" && words.size() > 1 && is_read_only(words.back()) &&
      !begins_with_one_of(words.back(), kHidden)) {
    add(about_writing(words.back()));
  }
}

void Troubles::look_at_program(std::span<const std::string> words) {
  const auto program = base_name(words[0]);
  if (program == "sysctl") return add(about_settings(words));
  if (program == "ip" && words.size() > 2 && words[1] == "netns")
    return add(fmt::format("ip netns fails there: {}", kNoNamespaces));
  if (words[0].starts_with("/etc/init.d/")) return add(fmt::format("{} fails there: {}", words[0], kNoUnits));
  const auto* const known = std::ranges::find(kPrograms, program, &Known::program);
  if (known == kPrograms.end()) return;
  add(fmt::format("{} fails there: {}", known->program, known->reason));
  if (known->reason == kNoMoreRights && words.size() > 1) look_at_words(words.subspan(1), 3);
}

/// The text that a shell gets, or nothing.
std::optional<std::string_view> line_of(const Hook& hook) {
  if (hook.shell) return hook.words.front();
  return std::nullopt;
}

}  // namespace

std::vector<std::string> hook_troubles(const Hook& hook) {
  Troubles troubles;
  if (const auto line = line_of(hook)) {
    troubles.look_at_line(*line);
  } else {
    troubles.look_at_words(hook.words);
  }
  return troubles.take();
}

bool sets_name_servers(const Hook& hook) {
  const auto sets = [](std::span<const std::string> words) {
    if (words.empty()) return false;
    const auto program = base_name(words[0]);
    return std::ranges::find(kNameServerPrograms, program) != kNameServerPrograms.end() ||
           std::ranges::any_of(words, [](const std::string& word) { return word.ends_with("/etc/resolv.conf"); });
  };
  auto line = line_of(hook);
  if (!line && hook.words.size() >= 2 && hook.words[0] == "bash") line = hook.words.back();
  if (!line) return sets(without_prefixes(hook.words));
  return std::ranges::any_of(commands_of(*line), [&](const ShellCommand& command) {
    const auto words = shell_words(command.text);
    return sets(without_prefixes(words));
  });
}

bool sets_forwarding(std::span<const std::string> words, std::string_view value) {
  if (words.empty()) return false;
  const auto program = base_name(words[0]);
  if (program == "sysctl") {
    const auto settings = settings_of(words);
    return settings && std::ranges::all_of(*settings, [&](const auto& each) {
             return is_forwarding(each.first) && each.second == value;
           });
  }
  const auto file = redirected_to(words);
  return program == "echo" && words.size() >= 2 && words[1] == value && file && file->starts_with(kKernelSettings) &&
         is_forwarding(setting_name(*file));
}

}  // namespace adit::config
