// SPDX-License-Identifier: MIT
// adit check: says all that is wrong with configuration files. The problems are what was asked for, so they go to
// standard output. A file that cannot be read is invalid like any other (78): it could not be run either.

#include <strings.h>

#include <cstdlib>
#include <istream>
#include <memory>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/print.h"
#include "config/reader.h"

namespace adit::cli {
namespace {

constexpr std::string_view kStandardInput = "-";
/// A name that a text from standard input gets, since it must have one; any would do.
constexpr std::string_view kUnnamed = "link";

struct CheckArguments {
  std::vector<std::string> files;
  std::string name;  ///< of the link; empty: the file's
};

std::expected<config::Config, std::vector<config::Problem>> read(const std::string& file, config::ReadOptions options,
                                                                 Context& context) {
  if (file != kStandardInput) return config::read_config(file, options);
  std::string text(config::kMaxFileSize + 1, '\0');
  context.in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(context.in.gcount()));
  if (text.size() > config::kMaxFileSize) {
    return std::unexpected(std::vector{config::Problem{
        file, 0, 0, "",
        fmt::format("is larger than {} bytes; this cannot be the file that is meant", config::kMaxFileSize)}});
  }
  if (options.name.empty()) options.name = kUnnamed;
  auto config = config::read_config_text(text, file, options);
  explicit_bzero(text.data(), text.size());
  return config;
}

int check(const CheckArguments& arguments, Context& context) {
  if (!arguments.name.empty() && arguments.files.size() > 1) {
    say(context.err, "adit check: --name is one link's, and there are {} files; check them one by one\n",
        arguments.files.size());
    return kWrongUsage;
  }
  // Set by systemd for the unit's own commands, such as ExecStartPre=adit check.
  const char* const credentials = std::getenv("CREDENTIALS_DIRECTORY");
  const config::ReadOptions options{credentials != nullptr ? credentials : "", true, arguments.name};
  int status = kDone;
  for (const auto& file : arguments.files) {
    const auto config = read(file, options, context);
    if (!config) {
      for (const auto& problem : config.error()) say(context.out, "{}\n", to_string(problem));
      status = kInvalidConfig;
      continue;
    }
    for (auto warning : config->warnings) {
      warning.reason.insert(0, "warning: ");
      say(context.out, "{}\n", to_string(warning));
    }
    say(context.out, "{}: ok\n", file);
  }
  return status;
}

}  // namespace

void add_check(CLI::App& app, Context& context) {
  const Command command(app, "check", "Say all that is wrong with configuration files");
  const auto arguments = std::make_shared<CheckArguments>();
  command.option("FILE", arguments->files, "Configuration files: /etc/adit/NAME.yaml. - : standard input").required();
  command
      .option("--name", arguments->name,
              "NAME: check the file as if it were NAME.yaml, for what checks a file before it has its name")
      .one_value();
  command.footer(
      "Exit status: 0 all are valid, 78 one is not.\nExamples:\n  adit check /etc/adit/*.yaml\n  adit check --name "
      "office /tmp/new-file");
  command.callback([&context, arguments] { context.exit_status = check(*arguments, context); });
}

}  // namespace adit::cli
