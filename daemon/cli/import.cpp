// SPDX-License-Identifier: MIT
// adit import: makes Adit's file of a wg-quick file. What could not be carried over is said on standard error, line by
// line; the file is written all the same, since the rest of it is right.
#include <strings.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/key_output.h"
#include "cli/print.h"
#include "cli/private_file.h"
#include "config/fields.h"
#include "config/file_text.h"
#include "config/reader.h"
#include "config/wg_quick_reader.h"
#include "config/wording.h"
#include "config/writer.h"

namespace adit::cli {
namespace {

constexpr std::string_view kYamlExtension = ".yaml";

struct ImportArguments {
  std::string file;
  std::string output;  ///< empty: NAME.yaml here; with `all` a folder
  std::string peer;    ///< its number; empty: the only one
  bool all = false;
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
  config::WgQuickSource source{.file = arguments.file, .name = name, .interface = name, .wg_interface = from};
  if (!arguments.peer.empty()) {
    const auto number = config::parse_number(arguments.peer);
    if (!number || *number == 0) return fail("--peer {}: write the peer's number, from 1", arguments.peer);
    source.peer = number;
  }
  // On standard output the text has no name yet: what is too long there is somebody else's to see.
  if (arguments.output == kStandardOutput || config::parse_interface_name(name)) return source;
  source.interface = config::parse_interface_name(from) ? from : config::interface_name_for(name);
  return source;
}

/// The file's text, which the caller wipes.
std::expected<config::FileText, int> read_text(const std::string& file, Context& context) {
  auto content = config::read_small_file(file, config::kMaxWgQuickSize);
  if (!content) {
    say(context.err, "{}: {}\n", file, content.error().message);
    return std::unexpected(kInvalidConfig);
  }
  if (content->others_can_read()) {
    say(context.err, "{}: warning: group or others can read this file and the private key in it; run chmod 600 on it\n",
        file);
  }
  return std::move(*content);
}

int report(const std::vector<config::Problem>& problems, Context& context) {
  for (const auto& problem : problems) say(context.err, "{}\n", to_string(problem));
  return kInvalidConfig;
}

std::expected<config::Config, int> read(std::string_view text, const config::WgQuickSource& source, Context& context) {
  auto config = config::read_wg_quick(text, source);
  if (!config) return std::unexpected(report(config.error(), context));
  for (auto warning : config->warnings) {
    warning.reason.insert(0, "warning: ");
    say(context.err, "{}\n", to_string(warning));
  }
  return std::move(*config);
}

std::string yaml_of(const config::Config& config) {
  return config::to_yaml(config,
                         fmt::format("The link {0}, made by adit import of {1}. This file is /etc/adit/{0}.yaml.\n"
                                     "It holds secret keys: keep it to its owner (mode 0600).",
                                     config.name, std::filesystem::path(config.file).filename().native()));
}

/// Reads the file again as the daemon will: it must not be left behind if that fails.
Result<> write(const std::filesystem::path& file, std::string_view text) {
  if (auto written = create_private_file(file, text); !written) return written;
  const auto again = config::read_config(file, {});
  if (again) return {};
  // Key files have yet to be put where this one names them, which has been said.
  const auto problem = std::ranges::find_if(again.error(), [](const config::Problem& each) {
    return each.key != "local.private_key_file" && each.key != "peer.preshared_key_file";
  });
  if (problem == again.error().end()) return {};
  std::error_code ignored;
  std::filesystem::remove(file, ignored);
  return fail("{}; nothing was written", to_string(*problem));
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

int import_one(const ImportArguments& arguments, Context& context) {
  const auto source = source_of(arguments);
  if (!source) {
    say(context.err, "adit import: {}\n", source.error().message);
    return kWrongUsage;
  }
  auto content = read_text(source->file, context);
  if (!content) return content.error();
  const auto config = read(content->text, *source, context);
  explicit_bzero(content->text.data(), content->text.size());
  if (!config) return config.error();
  auto text = yaml_of(*config);
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

/// Names for links side by side: FILE-NAME where the file has a name for the peer, else FILE-NUMBER.
std::vector<std::string> link_names(const std::string& from, const std::vector<std::string>& peers) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < peers.size(); ++i) {
    std::string word;
    for (const char c : peers[i]) {
      const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || config::is_digit(c) || c == '_';
      if (is_plain)
        word += c;
      else if (!word.empty() && !word.ends_with('-'))
        word += '-';
    }
    word = word.substr(0, 20);
    while (word.ends_with('-')) word.pop_back();
    auto name = fmt::format("{}-{}", from, word);
    const auto is_taken = [&] { return word.empty() || std::ranges::find(names, name) != names.end(); };
    // A peer may be called by the number of another.
    for (auto number = i + 1; is_taken(); ++number) name = fmt::format("{}-{}", from, word = std::to_string(number));
    names.push_back(std::move(name));
  }
  return names;
}

/// One port can be one link's only.
void give_port(config::Config& config, std::size_t number, Context& context) {
  auto& port = config.local.listen.port;
  if (port == 0 || number == 1) return;
  port = static_cast<std::uint16_t>(port + number - 1 <= 65535 ? port + number - 1 : 0);
  say(context.err,
      "{}: warning: {} listens at port {}, since the first link has the file's: tell peer {}, and let it in\n",
      config.file, config.name, port == 0 ? "of its own" : std::to_string(port), number);
}

std::expected<std::vector<config::Config>, int> read_all(const ImportArguments& arguments, std::string_view text,
                                                         Context& context) {
  const auto from = stem_of(arguments.file, ".conf");
  const auto peers = config::peer_names(text, arguments.file);
  if (!peers) return std::unexpected(report(peers.error(), context));
  const auto names = link_names(from, *peers);
  std::vector<config::Config> configs;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (const auto valid = config::check_name(names[i]); !valid) {
      say(context.err, "adit import: a link would get its name from the file's, but {}\n", valid.error().message);
      return std::unexpected(kWrongUsage);
    }
    auto config = read(text,
                       {.file = arguments.file,
                        .name = names[i],
                        .interface = config::interface_name_for(names[i]),
                        .wg_interface = from,
                        .peer = i + 1,
                        .beside_others = names.size() > 1},
                       context);
    if (!config) return std::unexpected(config.error());
    give_port(*config, i + 1, context);
    configs.push_back(std::move(*config));
  }
  return configs;
}

/// A file for each peer, or none.
int import_all(const ImportArguments& arguments, Context& context) {
  const std::filesystem::path folder = arguments.output.empty() ? "." : arguments.output;
  if (arguments.output == kStandardOutput || !std::filesystem::is_directory(folder)) {
    say(context.err, "adit import: -o {}: with --all it is the folder that the files go to, and there is none\n",
        arguments.output);
    return kWrongUsage;
  }
  auto content = read_text(arguments.file, context);
  if (!content) return content.error();
  const auto configs = read_all(arguments, content->text, context);
  explicit_bzero(content->text.data(), content->text.size());
  if (!configs) return configs.error();
  std::vector<std::filesystem::path> files;
  for (const auto& config : *configs) {
    files.push_back((folder / (config.name + std::string(kYamlExtension))).lexically_normal());
    auto text = yaml_of(config);
    const auto written = write(files.back(), text);
    explicit_bzero(text.data(), text.size());
    if (written) continue;
    files.pop_back();
    std::error_code ignored;
    for (const auto& file : files) std::filesystem::remove(file, ignored);
    say(context.err, "adit import: {}; no file was written\n", written.error().message);
    return kFailed;
  }
  say(context.out, "Wrote, readable by you alone, since they hold the keys:\n");
  for (std::size_t i = 0; i < files.size(); ++i) {
    const auto& config = (*configs)[i];
    say(context.out, "  {}: peer {}, interface {}, port {}\n", files[i].native(), i + 1, config.interface.name,
        config.local.listen.port == 0 ? "any" : std::to_string(config.local.listen.port));
  }
  say(context.out,
      "\nNext, as root: install -m 600 them into /etc/adit, stop wg-quick@{}, and start adit@NAME for each.\n",
      stem_of(arguments.file, ".conf"));
  return kDone;
}

int import(const ImportArguments& arguments, Context& context) {
  return arguments.all ? import_all(arguments, context) : import_one(arguments, context);
}

}  // namespace

void add_import(CLI::App& app, Context& context) {
  const Command command(app, "import", "Make Adit's file of a wg-quick file");
  const auto arguments = std::make_shared<ImportArguments>();
  command.option("WG.conf", arguments->file, "The wg-quick file, such as /etc/wireguard/wg0.conf").required();
  command.option("-o,--output", arguments->output,
                 "NAME.yaml: what to write, which names the link; default: the file's own name, here. - : standard "
                 "output");
  const auto peer = command.option("--peer", arguments->peer, "N: the number of the peer, of a file that has several");
  command.flag("--all", arguments->all, "Make a file for each peer; -o names the folder they go to").excludes(peer);
  command.footer(
      "Example: adit import /etc/wireguard/wg0.conf -o /etc/adit/office.yaml\n"
      "Exit status: 0 written, with warnings on standard error about what has no equal; 78 the file has mistakes.");
  command.callback([&context, arguments] { context.exit_status = import(*arguments, context); });
}

}  // namespace adit::cli
