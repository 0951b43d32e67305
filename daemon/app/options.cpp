// SPDX-License-Identifier: MIT
#include "app/options.h"

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

}  // namespace

const std::string_view kUsage =
    "usage: aditd [--keylog FILE] CONFIG.yaml\n"
    "       aditd [--keylog FILE] --interface NAME [--background]\n"
    "Runs one encrypted link in the foreground until SIGTERM or SIGINT.\n"
    "\n"
    "  --interface NAME  without a file: makes the interface, and `wg` sets the link up; ends when it is deleted\n"
    "  --background      returns when the interface is there, and goes on in the background\n"
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
  bool wants_name = false;
  bool wants_key_log = false;
  for (const std::string_view word : words) {
    if (wants_name) {
      auto name = config::parse_interface_name(word);
      if (!name) return fail("--interface {}", name.error().message);
      options.interface = *name;
      wants_name = false;
    } else if (wants_key_log && !word.empty()) {
      options.key_log = word;
      wants_key_log = false;
    } else if (word == "--help" || word == "-h") {
      options.help = true;
      return options;
    } else if (word == "--version") {
      options.version = true;
      return options;
    } else if (word == "--interface" && options.interface.empty()) {
      wants_name = true;
    } else if (word == "--keylog" && options.key_log.empty()) {
      wants_key_log = true;
    } else if (word == "--background") {
      options.background = true;
    } else if (word.empty() || word.starts_with('-')) {
      return fail("there is no option {:?}", word);
    } else if (auto done = take_word(word, called_by_wg_quick, options); !done) {
      return std::unexpected(done.error());
    }
  }
  if (wants_name) return fail("--interface needs a name");
  if (wants_key_log) return fail("--keylog needs a file to write the keys to");
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
  return options;
}

}  // namespace adit::app
