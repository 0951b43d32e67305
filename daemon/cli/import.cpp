// SPDX-License-Identifier: MIT
// adit import: makes Adit's file of a wg-quick file. What could not be carried over is said on standard error, line by
// line; the file is written all the same, since the rest of it is right.
#include <strings.h>

#include <memory>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/key_output.h"
#include "cli/print.h"
#include "cli/private_file.h"
#include "config/fields.h"
#include "config/file_text.h"
#include "config/reader.h"
#include "config/wg_quick_reader.h"
#include "config/writer.h"

namespace adit::cli {
namespace {

constexpr std::string_view kYamlExtension = ".yaml";

struct ImportArguments {
  std::string file;
  std::string output;  ///< empty: NAME.yaml here
};

std::string stem_of(const std::string& file, std::string_view extension) {
  const auto base = std::filesystem::path(file).filename().string();
  return base.ends_with(extension) ? base.substr(0, base.size() - extension.size()) : base;
}

/// The link is named like the file that is written, and so is its interface, if the kernel takes that name.
Result<config::WgQuickSource> source_of(const ImportArguments& arguments) {
  const auto from = stem_of(arguments.file, ".conf");
  const bool named = !arguments.output.empty() && arguments.output != kStandardOutput;
  if (named && !arguments.output.ends_with(kYamlExtension)) {
    return fail("-o {}: write it as NAME{}; the link gets its NAME from there", arguments.output, kYamlExtension);
  }
  const auto name = named ? stem_of(arguments.output, kYamlExtension) : from;
  if (const auto valid = config::check_name(name); !valid) {
    return fail("the link would get its name from the file's, but {}; or say -o NAME{}", valid.error().message,
                kYamlExtension);
  }
  for (const auto& interface : {name, from}) {
    if (config::parse_interface_name(interface)) return config::WgQuickSource{arguments.file, name, interface};
  }
  return fail("the interface would get its name from the file's, but {}; say -o NAME{} with a shorter one",
              config::parse_interface_name(name).error().message, kYamlExtension);
}

/// What is there to read, without its secrets staying in memory longer than the caller keeps them.
std::expected<config::Config, int> read(const config::WgQuickSource& source, Context& context) {
  auto content = config::read_small_file(source.file, config::kMaxWgQuickSize);
  if (!content) {
    say(context.err, "{}: {}\n", source.file, content.error().message);
    return std::unexpected(kInvalidConfig);
  }
  auto config = config::read_wg_quick(content->text, source);
  explicit_bzero(content->text.data(), content->text.size());
  if (!config) {
    for (const auto& problem : config.error()) say(context.err, "{}\n", to_string(problem));
    return std::unexpected(kInvalidConfig);
  }
  if (content->others_can_read()) {
    say(context.err, "{}: warning: group or others can read this file and the private key in it; run chmod 600 on it\n",
        source.file);
  }
  for (auto warning : config->warnings) {
    warning.reason.insert(0, "warning: ");
    say(context.err, "{}\n", to_string(warning));
  }
  return std::move(*config);
}

/// Reads the file again as the daemon will: it must not be left behind if that fails.
Result<> write(const std::filesystem::path& file, std::string_view text) {
  if (auto written = create_private_file(file, text); !written) return written;
  const auto again = config::read_config(file, {});
  if (again) return {};
  std::error_code ignored;
  std::filesystem::remove(file, ignored);
  return fail("{}; nothing was written", to_string(again.error()[0]));
}

void print_next_steps(const config::Config& config, const std::filesystem::path& file, Context& context) {
  const std::filesystem::path place = fmt::format("/etc/adit/{}.yaml", config.name);
  say(context.out, "Wrote {}, readable by you alone: it holds the keys.\n\nNext, as root:\n", file.native());
  if (std::filesystem::absolute(file).lexically_normal() != place) {
    say(context.out, "  install -m 600 {} {}\n", file.native(), place.native());
  }
  say(context.out,
      "  systemctl disable --now wg-quick@{}    if wg-quick runs this link now\n"
      "  systemctl enable --now adit@{}\n",
      stem_of(config.file, ".conf"), config.name);
}

int import(const ImportArguments& arguments, Context& context) {
  const auto source = source_of(arguments);
  if (!source) {
    say(context.err, "adit import: {}\n", source.error().message);
    return kWrongUsage;
  }
  const auto config = read(*source, context);
  if (!config) return config.error();
  auto text = config::to_yaml(*config,
                              fmt::format("The link {0}, made by adit import of {1}. This file is /etc/adit/{0}.yaml.\n"
                                          "It holds secret keys: keep it to its owner (mode 0600).",
                                          config->name, std::filesystem::path(source->file).filename().native()));
  if (arguments.output == kStandardOutput) {
    print_secret(std::move(text), context, "the keys go");
    return kDone;
  }
  const std::filesystem::path file = arguments.output.empty() ? config->name + ".yaml" : arguments.output;
  const auto written = write(file, text);
  explicit_bzero(text.data(), text.size());
  if (!written) {
    say(context.err, "adit import: {}\n", written.error().message);
    return kFailed;
  }
  print_next_steps(*config, file, context);
  return kDone;
}

}  // namespace

void add_import(CLI::App& app, Context& context) {
  const Command command(app, "import", "Make Adit's file of a wg-quick file");
  const auto arguments = std::make_shared<ImportArguments>();
  command.option("WG.conf", arguments->file, "The wg-quick file, such as /etc/wireguard/wg0.conf").required();
  command.option("-o,--output", arguments->output,
                 "NAME.yaml: what to write, which names the link; default: the file's own name, here. - : standard "
                 "output");
  command.footer(
      "Example: adit import /etc/wireguard/wg0.conf -o /etc/adit/office.yaml\n"
      "Exit status: 0 written, with warnings on standard error about what has no equal; 78 the file has mistakes.");
  command.callback([&context, arguments] { context.exit_status = import(*arguments, context); });
}

}  // namespace adit::cli
