// SPDX-License-Identifier: MIT
#include "app/serve.h"

#include <fmt/core.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <functional>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "app/background.h"
#include "app/daemon.h"
#include "app/options.h"
#include "app/privileges.h"
#include "base/descriptor_limit.h"
#include "base/paths.h"
#include "config/reader.h"
#include "control/wg_device.h"
#include "crypto/version.h"
#include "net/kernel_version.h"
#include "net/system.h"
#include "rights/fence.h"
#include "service/key_log.h"
#include "service/logging.h"

namespace adit::app {

using config::Config;

namespace {

constexpr int kConfigInvalid = 78;  // EX_CONFIG

/// Why it ends, in the journal with the fields that find it, else on stderr.
void report(service::Journal* journal, const service::EntryKind& kind, const std::string& sentence,
            const char* prefix = "") {
  if (journal == nullptr) {
    fmt::print(stderr, "{}{}\n", prefix, sentence);
  } else {
    journal->write(Severity::error, sentence, {kind, {}});
  }
}

using Ready = std::function<void()>;

/// What a successor gets at once; nothing when none is wanted. The daemon is gone when this returns.
Result<std::optional<service::Estate>> run_link(Config config, const service::Logging& log, service::KeyLog* key_log,
                                                const Ready& ready) {
  Daemon daemon(std::move(config), log, key_log);
  if (ready) ready();
  const auto ended = daemon.run();
  if (!ended) return std::unexpected(ended.error());
  if (*ended == Daemon::Ending::stopped) return std::nullopt;
  auto estate = daemon.leave();
  if (!estate) return std::unexpected(estate.error());
  if (*ended == Daemon::Ending::succeeded) return std::move(*estate);
  if (!service::store(*estate)) log.log->warn("the service manager keeps nothing: the link begins anew");
  return std::nullopt;
}

/// Null when none is wanted. Nobody is to overlook that there is one.
Result<std::unique_ptr<service::KeyLog>> open_key_log(const std::string& file, const service::Logging& log) {
  if (file.empty()) return nullptr;
  auto opened = service::KeyLog::open(file, [&log](const auto& sentence) { log.log->warn("{}", sentence); });
  if (opened) {
    log.log->warn(
        "KEY LOG: this link's private key and the keys of all its sessions go to {0}. Whoever reads that can read the "
        "traffic and pose as this end: run without --keylog as soon as possible, and remove {0}",
        file);
  }
  return opened;
}

/// Those the daemon listens to wait from here on for whoever does: it, or the successor that this process becomes,
/// which has them blocked from its first instruction. Their usual course would end the link and leave its rules behind.
void hold_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int each : Daemon::kSignals) sigaddset(&signals, each);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

/// Once, at the start.
void tell_of_rights(const rights::Outcome& user, const Result<>& forbidden, Log& log) {
  if (!user.sentence.empty() && user.matters) log.info("{}", user.sentence);
  if (!user.sentence.empty() && !user.matters) log.debug("{}", user.sentence);
  if (!forbidden) log.info("system calls that no link needs are not forbidden: {}", forbidden.error().message);
}

int run(Config config, const Options& options, const std::vector<std::string>& arguments, const Ready& ready = {}) {
  hold_signals();
  // Before there are threads, and before anything is made.
  const auto user = become_user(options, config);
  const auto forbidden = rights::forbid_system_calls();
  const auto log = service::make_log(config);
  if (const auto doubt = net::doubt_about_kernel()) log.log->warn("{}", *doubt);
  try {
    if (!user) throw std::runtime_error(user.error().message);
    tell_of_rights(*user, forbidden, *log.log);
    const auto key_log = open_key_log(options.key_log, log);
    const auto estate =
        key_log ? run_link(std::move(config), log, key_log->get(), ready) : std::unexpected(key_log.error());
    if (estate && !*estate) return EXIT_SUCCESS;
    const auto why = estate ? service::become(**estate, arguments) : estate.error();
    report(log.journal.get(), service::entry::kGivenUp, why.message, "aditd: ");
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& error) {
    report(log.journal.get(), service::entry::kGivenUp, error.what(), "aditd: ");
  }
  return kFailed;
}

int start(const Options& options, const std::vector<std::string>& arguments) {
  const auto& file = options.file;
  auto config = config::read_config(file, {.credentials_directory = credentials_directory()});
  if (config) return run(std::move(*config), options, arguments);
  // Which link it is, the file's name has to say; its content is no help.
  std::optional<service::Journal> journal;
  if (service::stderr_is_journal()) journal.emplace(std::filesystem::path(file).stem(), "");
  const bool may_pass = std::ranges::all_of(config.error(), &config::Problem::may_pass);
  for (const auto& problem : config.error()) {
    report(journal ? &*journal : nullptr, may_pass ? service::entry::kGivenUp : service::entry::kConfigInvalid,
           to_string(problem));
  }
  return may_pass ? kFailed : kConfigInvalid;
}

/// A link without a file, which `wg` sets up.
int start_unconfigured(const Options& options, const std::vector<std::string>& arguments) {
  const auto work = [&](const Ready& ready) {
    net::SystemRandom random;
    return run(control::unconfigured(options.interface, random), options, arguments, ready);
  };
  if (!options.background) return work({});
  const auto status = run_in_background(work);
  if (status) return *status;
  fmt::print(stderr, "aditd: {}\n", status.error().message);
  return kFailed;
}

int print(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0) return EXIT_SUCCESS;
  fmt::print(stderr, "aditd: cannot write to standard output; is the disk full?\n");
  return kFailed;
}

}  // namespace

int serve(int argc, char** argv) {
  raise_descriptor_limit();       // hundreds of names, asked for at once, take more than is usual
  std::signal(SIGPIPE, SIG_IGN);  // whoever read our log may go; the link stays
  const std::vector<std::string> arguments(argv, argv + argc);
  const char* const for_wg_quick = std::getenv("WG_QUICK_USERSPACE_IMPLEMENTATION");
  const auto options = parse_options(std::span(argv, static_cast<std::size_t>(argc)).subspan(1),
                                     for_wg_quick != nullptr && *for_wg_quick != '\0');
  if (!options) {
    fmt::print(stderr, "aditd: {}\n{}", options.error().message, kUsage);
    return kWrongUsage;
  }
  if (options->help) return print(kUsage);
  if (options->version) return print(crypto::version_text("aditd") + "\n");
  return options->file.empty() ? start_unconfigured(*options, arguments) : start(*options, arguments);
}

}  // namespace adit::app
