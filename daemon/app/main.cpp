// SPDX-License-Identifier: MIT
// aditd CONFIG.yaml: reads the file, runs the link, and says in one sentence why when it cannot.
#include <fmt/core.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/daemon.h"
#include "app/logging.h"
#include "app/paths.h"
#include "config/reader.h"

namespace {

using adit::app::EntryKind;
using adit::app::Journal;
using adit::config::Config;

constexpr int kFailed = 1;
constexpr int kWrongUsage = 2;
constexpr int kConfigInvalid = 78;  // EX_CONFIG
constexpr std::string_view kUsage =
    "usage: aditd CONFIG.yaml\n"
    "Runs one encrypted link in the foreground until SIGTERM or SIGINT.\n"
    "\n"
    "  --help     shows this\n"
    "  --version  shows the version\n"
    "\n"
    "`adit check CONFIG.yaml` says whether the file is right, `adit status` what a running link does.\n";

/// Keys must not end up in a core file, nor be read by another process of the same user.
void guard_memory() {
  const rlimit none{.rlim_cur = 0, .rlim_max = 0};
  setrlimit(RLIMIT_CORE, &none);
  prctl(PR_SET_DUMPABLE, 0);
}

/// Why it ends, in the journal with the fields that find it, else on stderr.
void report(const Journal* journal, const EntryKind& kind, const std::string& sentence, const char* prefix = "") {
  if (journal == nullptr) {
    fmt::print(stderr, "{}{}\n", prefix, sentence);
  } else {
    journal->write(spdlog::level::err, sentence, {kind, {}});
  }
}

/// What a successor gets at once; nothing when none is wanted. The daemon is gone when this returns.
adit::Result<std::optional<adit::app::Estate>> run_link(Config config, const adit::app::Log& log) {
  adit::app::Daemon daemon(std::move(config), log);
  const auto ended = daemon.run();
  if (!ended) return std::unexpected(ended.error());
  if (*ended == adit::app::Daemon::Ending::stopped) return std::nullopt;
  auto estate = daemon.leave();
  if (!estate) return std::unexpected(estate.error());
  if (*ended == adit::app::Daemon::Ending::succeeded) return std::move(*estate);
  if (!adit::app::store(*estate)) log.logger->warn("the service manager keeps nothing: the link begins anew");
  return std::nullopt;
}

int run(Config config, const std::vector<std::string>& arguments) {
  const auto log = adit::app::make_log(config);
  try {
    const auto estate = run_link(std::move(config), log);
    if (estate && !*estate) return EXIT_SUCCESS;
    const auto why = estate ? adit::app::become(**estate, arguments) : estate.error();
    report(log.journal.get(), adit::app::entry::kGivenUp, why.message, "aditd: ");
  } catch (const std::exception& error) {
    report(log.journal.get(), adit::app::entry::kGivenUp, error.what(), "aditd: ");
  }
  return kFailed;
}

int start(const std::vector<std::string>& arguments) {
  const auto& file = arguments[1];
  auto config = adit::config::read_config(file, {.credentials_directory = adit::app::credentials_directory()});
  if (config) return run(std::move(*config), arguments);
  // Which link it is, the file's name has to say; its content is no help.
  std::optional<Journal> journal;
  if (adit::app::stderr_is_journal()) journal.emplace(std::filesystem::path(file).stem(), "");
  for (const auto& problem : config.error()) {
    report(journal ? &*journal : nullptr, adit::app::entry::kConfigInvalid, to_string(problem));
  }
  return kConfigInvalid;
}

}  // namespace

int main(int argc, char** argv) {
  guard_memory();
  std::signal(SIGPIPE, SIG_IGN);  // whoever read our log may go; the link stays
  const std::string_view argument = argc == 2 ? argv[1] : "";
  if (argument == "--help" || argument == "-h") {
    fmt::print("{}", kUsage);
    return EXIT_SUCCESS;
  }
  if (argument == "--version") {
    fmt::print("aditd {}\n", ADIT_VERSION);
    return EXIT_SUCCESS;
  }
  if (argument.empty() || argument.starts_with('-')) {
    fmt::print(stderr, "{}", kUsage);
    return kWrongUsage;
  }
  return start({argv, argv + argc});
}
