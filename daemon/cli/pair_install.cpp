// SPDX-License-Identifier: MIT
#include "cli/pair_install.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <fstream>
#include <functional>
#include <iterator>
#include <nlohmann/json.hpp>
#include <ostream>
#include <ranges>
#include <thread>

#include "cli/print.h"
#include "config/fields.h"

namespace adit::cli {
namespace {

constexpr std::chrono::seconds kPatience{60};
constexpr std::chrono::seconds kBetweenLooks{1};

/// What dpkg has of the package: "installed", "config-files"; nothing, where it knows of none.
constexpr std::string_view kPackageState = "$(dpkg-query -W -f '${db:Status-Status}' adit 2>/dev/null)";

/// What begins with a line that opens an array. A shell may have greeted before.
std::string array_in(const std::string& output) {
  if (output.starts_with('[')) return output;
  const auto at = output.find("\n[");
  return at == std::string::npos ? std::string() : output.substr(at + 1);
}

/// Ctrl-C with hosts half done: what runs there at the moment ends of it, too, and then all is taken back.
class Interruption {
 public:
  Interruption() {
    interrupted = 0;
    for (std::size_t i = 0; i < kSignals.size(); ++i)
      before_[i] = std::signal(kSignals[i], [](int) { interrupted = 1; });
  }
  ~Interruption() {
    for (std::size_t i = 0; i < kSignals.size(); ++i) std::signal(kSignals[i], before_[i]);
  }
  Interruption(const Interruption&) = delete;
  Interruption& operator=(const Interruption&) = delete;
  static bool happened() { return interrupted != 0; }

 private:
  static constexpr std::array kSignals{SIGINT, SIGTERM, SIGHUP};
  static inline volatile std::sig_atomic_t interrupted = 0;
  std::array<void (*)(int), kSignals.size()> before_{};
};

class Installer {
 public:
  Installer(const std::vector<Installation>& ends, const InstallOptions& options, Context& context)
      : ends_(ends), options_(options), context_(context) {}

  int run() {
    const Interruption interruption;
    const auto done = check() && place() && start() && wait_until_up() && ping();
    if (done) {
      say(context_.out, "The link is up. `adit status` shows it on either host.\n");
      return kDone;
    }
    if (Interruption::happened()) say(context_.err, "adit pair: interrupted\n");
    take_back();
    return kFailed;
  }

 private:
  bool check() {
    return std::ranges::all_of(ends_, [this](const Installation& end) { return check(end); });
  }

  bool check(const Installation& end) {
    if (Interruption::happened()) return false;
    const auto script = fmt::format(
        "[ -d /run/systemd/system ] && echo systemd=yes; "
        "version=$(aditd --version 2>/dev/null | head -n 1) && echo \"adit=$version\"; "
        "[ -e {} ] && echo there=yes; [ -c /dev/net/tun ] || modprobe tun 2>/dev/null; "
        "[ -c /dev/net/tun ] && echo tun=yes; [ -d {} ] && echo bridge=yes; "
        "for each in /etc/adit /var/lib/adit /etc/credstore/adit.* /etc/credstore.encrypted/adit.*; do "
        "[ ! -e \"$each\" ] || echo kept=yes; done | head -n 1; echo \"package={}\"; echo end=yes",
        shell_word(path_of(end.name)), shell_word(fmt::format("/sys/class/net/{}/bridge", end.bridge)), kPackageState);
    const auto found = ask(end, script);
    if (!found) return false;
    if (value_of(*found, "end") != "yes") {
      return complain(end, end.host.target() == Remote::kLocal
                               ? "cannot run commands as root: run this as root, or as a user who may sudo"
                               : "cannot run commands as root there: use root@HOST, or a user who may sudo without a "
                                 "password");
    }
    if (value_of(*found, "systemd") != "yes") return complain(end, "systemd does not run there, which starts the link");
    if (value_of(*found, "tun") != "yes") {
      return complain(end,
                      "there is no /dev/net/tun there: load the tun module, or pass the device into the container");
    }
    if (!end.bridge.empty() && value_of(*found, "bridge") != "yes") {
      return complain(end,
                      fmt::format("there is no bridge {0} there: make it first (`ip link add {0} type bridge`, and "
                                  "in the host's network configuration, so that it is there after a restart)",
                                  end.bridge));
    }
    if (value_of(*found, "there") == "yes") {
      return complain(end, fmt::format("{} is there already: choose another name, or take the link away first (`adit "
                                       "unpair {}={}`)",
                                       path_of(end.name), end.name, end.host.target()));
    }
    const auto version = value_of(*found, "adit");
    if (version.empty()) return install_package(end, *found);
    say(context_.out, "{}: {} with {}\n", end.name, end.host.target(), version);
    return true;
  }

  /// `found`: by the check.
  bool install_package(const Installation& end, const std::string& found) {
    if (!options_.package) {
      return complain(end, "Adit is not installed there: install its package first, or give it with --package FILE");
    }
    std::ifstream file(*options_.package, std::ios::binary);
    const std::string package{std::istreambuf_iterator<char>(file), {}};
    if (!file || package.empty()) {
      return complain(end, fmt::format("{} cannot be read", options_.package->native()));
    }
    say(context_.out, "{}: installing {} on {}\n", end.name, options_.package->filename().native(), end.host.target());
    const auto done = ask(
        end,
        "file=$(mktemp -d)/adit.deb && cat >\"$file\" && chmod 755 \"${file%/*}\" && echo made=yes && "
        "{ DEBIAN_FRONTEND=noninteractive apt-get -q -y install --no-install-recommends \"$file\" "
        ">\"$file.log\" 2>&1 && echo done=yes || tail -n 20 \"$file.log\" >&2; }; rm -r \"${file%/*}\"; echo end=yes",
        package);
    if (may_have_made(done)) undo_package(end, found);
    if (!done) return false;
    if (value_of(*done, "done") != "yes") return complain(end, "the package could not be installed there, see above");
    return true;
  }

  /// Keys and links of before are not ours to take: a purge removes them all, so it is for hosts that had nothing.
  void undo_package(const Installation& end, const std::string& found) {
    const auto before = value_of(found, "package");
    const bool was_known = !before.empty() && before != "not-installed";
    if (was_known && before != "config-files") return;  // one that does not work, perhaps, but not ours
    const auto* const command = was_known || value_of(found, "kept") == "yes" ? "remove" : "purge";
    undo_.push_back({&end, "installed package", fmt::format("apt-get {} adit", command),
                     fmt::format("DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=60 {} adit "
                                 ">/dev/null 2>&1; case {} in ''|not-installed|config-files) echo done=yes ;; esac",
                                 command, kPackageState)});
  }

  bool place() {
    return std::ranges::all_of(ends_, [this](const Installation& end) { return place(end); });
  }

  /// The file, which must not be there yet, for its owner alone.
  bool place(const Installation& end) {
    if (Interruption::happened()) return false;
    const auto path = shell_word(path_of(end.name));
    const auto done = ask(end,
                          fmt::format("umask 077; set -C; true >{0} && echo made=yes && set +C && cat >{0} && "
                                      "echo done=yes; echo end=yes",
                                      path),
                          end.file);
    if (may_have_made(done)) undo(end, path_of(end.name), fmt::format("rm -f {}", path));
    if (!done) return false;
    if (value_of(*done, "done") != "yes") return complain(end, fmt::format("{} cannot be written", path_of(end.name)));
    say(context_.out, "{}: wrote {}\n", end.name, path_of(end.name));
    return true;
  }

  bool start() {
    return std::ranges::all_of(ends_, [this](const Installation& end) { return start(end); });
  }

  bool start(const Installation& end) {
    if (Interruption::happened()) return false;
    const auto unit = shell_word(unit_of(end.name));
    undo(end, unit_of(end.name), fmt::format("systemctl disable --now {}", unit));
    const auto done = ask(end, fmt::format("systemctl enable --now {} && echo done=yes", unit));
    if (!done) return false;
    if (value_of(*done, "done") != "yes") {
      complain(end, fmt::format("{} does not start", unit_of(end.name)));
      consult_doctor();
      return false;
    }
    say(context_.out, "{}: started {}\n", end.name, unit_of(end.name));
    return true;
  }

  bool wait_until_up() {
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    for (;;) {
      std::string missing;
      for (const auto& end : ends_) {
        if (auto state = state_of(end); state != "up" && missing.empty())
          missing = fmt::format("{}: {}", end.name, state);
      }
      if (missing.empty()) return true;
      if (Interruption::happened()) return false;
      if (std::chrono::steady_clock::now() >= deadline) {
        say(context_.err, "adit pair: after {} s the link is not up: {}\n", kPatience.count(), missing);
        consult_doctor();
        return false;
      }
      std::this_thread::sleep_for(kBetweenLooks);
    }
  }

  /// "connecting: calling …"
  std::string state_of(const Installation& end) {
    const auto said = end.host.run(fmt::format("adit status {} --json", shell_word(end.name)));
    const auto status = said ? nlohmann::json::parse(array_in(said->output), nullptr, false) : nlohmann::json();
    if (!status.is_array() || status.empty() || !status[0].is_object()) return "its state cannot be asked for";
    const auto state = status[0].value("state", "");
    const auto reason = status[0].value("reason", "");
    return reason.empty() ? state : fmt::format("{}: {}", state, reason);
  }

  bool ping() {
    const auto& end = ends_.front();
    if (end.address.empty()) return true;
    const auto said = ask(end, fmt::format("ping -n -c 3 -i 0.2 -W 5 {}", shell_word(end.address)));
    if (!said) return false;
    say(context_.out, "{}", *said);
    // A host that answers no pings is no fault of the link's, which has said that it is up.
    return true;
  }

  void consult_doctor() {
    if (Interruption::happened()) return;
    for (const auto& end : ends_) {
      const auto said = end.host.run(fmt::format("adit doctor {}", shell_word(end.name)));
      if (said && !said->output.empty())
        say(context_.err, "\n{} on {}:\n{}", end.name, end.host.target(), said->output);
    }
  }

  std::optional<std::string> ask(const Installation& end, const std::string& script, std::string_view input = {}) {
    auto said = end.host.ask(script, input);
    if (said) return std::move(*said);
    complain(end, said.error().message);
    return std::nullopt;
  }

  /// Whether a script may have begun to make something: it says so, or was cut short, as it ends with `end=yes`.
  static bool may_have_made(const std::optional<std::string>& said) {
    return !said || value_of(*said, "end") != "yes" || value_of(*said, "made") == "yes";
  }

  bool complain(const Installation& end, std::string_view sentence) {
    // What was cut short says nothing of the host.
    if (!Interruption::happened()) say(context_.err, "adit pair: {} ({}): {}\n", end.name, end.host.target(), sentence);
    return false;
  }

  void undo(const Installation& end, std::string what, const std::string& command) {
    undo_.push_back({&end, std::move(what), command, fmt::format("{} 2>/dev/null && echo done=yes", command)});
  }

  void take_back() {
    if (!undo_.empty()) say(context_.err, "\nTaking back what was done:\n");
    for (const auto& [end, what, command, script] : std::views::reverse(undo_)) {
      const auto said = end->host.ask(script);
      if (said && value_of(*said, "done") == "yes") {
        say(context_.err, "  {}: {} is gone\n", end->name, what);
      } else {
        say(context_.err, "  {}: {} may still be there ({}): there, as root, run `{}`\n", end->name, what,
            said ? "that did not work" : said.error().message, command);
      }
    }
  }

  struct Undo {
    const Installation* end;
    std::string what;
    std::string command;  ///< for who has to do it by hand
    std::string script;   ///< says done=yes
  };

  const std::vector<Installation>& ends_;
  const InstallOptions& options_;
  Context& context_;
  std::vector<Undo> undo_;
};

}  // namespace

std::string path_of(const std::string& name) {
  return fmt::format("/etc/adit/{}.yaml", name);
}

std::string unit_of(const std::string& name) {
  return fmt::format("adit@{}", name);
}

Result<std::vector<std::pair<std::string, Remote>>> parse_targets(const std::vector<std::string>& texts) {
  std::vector<std::pair<std::string, Remote>> targets;
  for (const auto& text : texts) {
    const auto equals = text.find('=');
    if (equals == 0 || equals == std::string::npos || equals + 1 == text.size()) {
      return fail("{} is not NAME=TARGET: write office=root@vpn.example.net, as ssh takes it, or home=local", text);
    }
    // It becomes part of paths of files that are removed, as root.
    const auto name = text.substr(0, equals);
    if (auto valid = config::check_name(name); !valid) return std::unexpected(valid.error());
    targets.emplace_back(name, Remote(text.substr(equals + 1)));
  }
  return targets;
}

int install(const std::vector<Installation>& ends, const InstallOptions& options, Context& context) {
  if (!options.dry_run) return Installer(ends, options, context).run();
  for (const auto& end : ends) {
    const auto& where = end.host.target();
    const auto bridge = end.bridge.empty() ? std::string() : fmt::format(", a bridge {}", end.bridge);
    say(context.out, "{} ({}): see that systemd runs there, that there is /dev/net/tun{}, and no {}\n", end.name, where,
        bridge, path_of(end.name));
    if (options.package) {
      say(context.out, "{} ({}): install {}, if Adit is not there\n", end.name, where, options.package->native());
    }
  }
  for (const auto& end : ends) {
    say(context.out, "{} ({}): write {}, mode 0600\n", end.name, end.host.target(), path_of(end.name));
  }
  for (const auto& end : ends) {
    say(context.out, "{} ({}): systemctl enable --now {}\n", end.name, end.host.target(), unit_of(end.name));
  }
  const auto& [first, address] = std::tie(ends.front().name, ends.front().address);
  say(context.out, "wait until both are up, for {} s at most{}; take all of it back if they are not\n",
      kPatience.count(), address.empty() ? "" : fmt::format(", and ping {} from {}", address, first));
  return kDone;
}

}  // namespace adit::cli
