// SPDX-License-Identifier: MIT
#include "app/options.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <system_error>

#include "config/fields.h"

namespace adit::app {
namespace {

/// A file's name of that sort would hardly be an interface's, and where there is a file, it is meant.
bool is_interface_for_wg_quick(std::string_view word) {
  std::error_code ignored;
  return config::parse_interface_name(word) && !word.ends_with(".yaml") && !std::filesystem::exists(word, ignored);
}

Result<> take_word(std::string_view word, bool called_by_wg_quick, Options& options) {
  if (!options.file.empty() || !options.interface.empty())
    return fail("one link is all an aditd runs: leave out {}", word);
  if (called_by_wg_quick && is_interface_for_wg_quick(word)) {
    options.interface = word;
    options.background = true;
  } else {
    options.file = word;
  }
  return {};
}

/// An option that a value follows, once.
struct Valued {
  std::string_view option;
  const char* wants;
  std::string Options::* value;
  Result<> (*refuse)(std::string_view word) = nullptr;  ///< none: whatever it is

  Result<> take(std::string_view word, Options& options) const {
    if (refuse != nullptr) {
      if (auto done = refuse(word); !done) return fail("{} {}", option, done.error().message);
    }
    options.*value = word;
    return {};
  }
};

Result<> refuse_interface(std::string_view word) {
  const auto name = config::parse_interface_name(word);
  if (!name) return fail("{}", name.error().message);
  return {};
}

constexpr std::array<Valued, 3> kValued{{{"--interface", "a name", &Options::interface, &refuse_interface},
                                         {"--keylog", "a file to write the keys to", &Options::key_log},
                                         {"--user", "a user's name", &Options::user}}};

/// Null: there is none of that name, or it has been given already.
const Valued* find_valued(std::string_view word, const Options& options) {
  const auto* const known = std::ranges::find(kValued, word, &Valued::option);
  return known != kValued.end() && (options.*(known->value)).empty() ? known : nullptr;
}

Result<> check(const Options& options) {
  if (!options.file.empty() && !options.interface.empty()) {
    return fail("--interface is for links without a file: leave out one of the two");
  }
  if (options.file.empty() && options.interface.empty()) return fail("which link? Name its file");
  if (options.background && !options.key_log.empty() && !options.key_log.starts_with('/')) {
    return fail("--background leaves this folder: give --keylog the whole path");
  }
  if (options.background && options.interface.empty()) {
    return fail("--background goes with --interface only: links with a file are run by systemd, or by `aditd FILE &`");
  }
  return {};
}

}  // namespace

const std::string_view kUsage =
    "usage: aditd [--user NAME] [--keylog FILE] CONFIG.yaml\n"
    "       aditd [--user NAME] [--keylog FILE] --interface NAME [--background]\n"
    "Runs one encrypted link in the foreground until SIGTERM or SIGINT.\n"
    "\n"
    "  --interface NAME  without a file: makes the interface, and `wg` sets the link up; ends when it is deleted\n"
    "  --background      returns when the interface is there, and goes on in the background\n"
    "  --user NAME       whom root becomes, with the right to change the network and no other: adit, where there is "
    "one; "
    "root:\n"
    "                    nobody else\n"
    "  --keylog FILE     appends the keys of all sessions to FILE, with which Wireshark decrypts the link's traffic: "
    "for\n"
    "                    the search of a fault, never for every day\n"
    "  --help            shows this\n"
    "  --version         shows the version\n"
    "\n"
    "`adit check CONFIG.yaml` says whether the file is right, `adit status` what a running link does.\n"
    "For wg-quick: WG_QUICK_USERSPACE_IMPLEMENTATION=aditd wg-quick up NAME\n";

Result<Options> parse_options(std::span<const char* const> words, bool called_by_wg_quick) {
  Options options;
  const Valued* awaited = nullptr;
  for (const std::string_view word : words) {
    if (awaited != nullptr && !word.empty()) {
      if (auto done = awaited->take(word, options); !done) return std::unexpected(done.error());
      awaited = nullptr;
    } else if (word == "--help" || word == "-h") {
      options.help = true;
      return options;
    } else if (word == "--version") {
      options.version = true;
      return options;
    } else if (const auto* const known = find_valued(word, options)) {
      awaited = known;
    } else if (word == "--background") {
      options.background = true;
    } else if (word.empty() || word.starts_with('-')) {
      return fail("there is no option {:?}", word);
    } else if (auto done = take_word(word, called_by_wg_quick, options); !done) {
      return std::unexpected(done.error());
    }
  }
  if (awaited != nullptr) return fail("{} needs {}", awaited->option, awaited->wants);
  if (auto done = check(options); !done) return std::unexpected(done.error());
  return options;
}

}  // namespace adit::app
