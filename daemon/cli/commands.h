// SPDX-License-Identifier: MIT
// What every subcommand of `adit` gets and gives. Each lives in a file of its own and has one function here, which adds
// it to the command line together with a callback that does the work and leaves its exit status in the Context.
#pragma once

#include <iosfwd>
#include <string_view>

#include "base/random.h"

namespace CLI {  // NOLINT(readability-identifier-naming): its name for itself
class App;
}

namespace adit::cli {

// Exit statuses.
inline constexpr int kDone = 0;
inline constexpr int kFailed = 1;
inline constexpr int kWrongUsage = 2;
inline constexpr int kNotUp = 3;           ///< `status`: a named link runs, and is not up or does not answer
inline constexpr int kNoSuchLink = 4;      ///< `status`, `doctor`, `unblock`: a named link is not there
inline constexpr int kInvalidConfig = 78;  ///< EX_CONFIG of sysexits.h

inline constexpr std::string_view kStandardOutput = "-";  ///< as the name of a file to write

struct Context {
  std::istream& in;
  std::ostream& out;
  std::ostream& err;
  RandomSource& random;
  int out_fd = -1;  ///< what `out` writes to, if it is a file descriptor
  int exit_status = kDone;
};

void add_genkey(CLI::App& app, Context& context);
void add_pubkey(CLI::App& app, Context& context);
void add_genpsk(CLI::App& app, Context& context);
void add_pair(CLI::App& app, Context& context);
void add_check(CLI::App& app, Context& context);
void add_doctor(CLI::App& app, Context& context);
void add_import(CLI::App& app, Context& context);
void add_events(CLI::App& app, Context& context);
void add_export(CLI::App& app, Context& context);
void add_exporter(CLI::App& app, Context& context);
void add_help(CLI::App& app, Context& context);
void add_reload(CLI::App& app, Context& context);
void add_status(CLI::App& app, Context& context);
void add_unblock(CLI::App& app, Context& context);
void add_unpair(CLI::App& app, Context& context);

/// The whole program: parses the command line, runs what it asks for, returns the exit status.
int run(int argc, const char* const* argv, Context& context);

}  // namespace adit::cli
