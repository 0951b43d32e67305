// SPDX-License-Identifier: MIT
// A subcommand's words: what it takes and how it describes itself. A thin front for CLI11, whose headers cost more time
// than the subcommands that use them; command.cpp is where they are read.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace CLI {  // NOLINT(readability-identifier-naming): its name for itself
class App;
class Option;
}  // namespace CLI

namespace adit::cli {

/// An option, a flag, or an argument by its place.
class Option {
 public:
  explicit Option(CLI::Option* option) : option_(option) {}
  const Option& required() const;
  /// Not together with `other`.
  const Option& excludes(const Option& other) const;
  /// Only together with `other`.
  const Option& needs(const Option& other) const;
  /// One value each time it is given, for an option that may be given several times: what follows is something else.
  const Option& one_value() const;
  /// Likewise, and that value is a list with commas.
  const Option& comma_separated() const;

 private:
  CLI::Option* option_;
};

class Command {
 public:
  /// `parent` owns what is made.
  Command(CLI::App& parent, const std::string& name, const std::string& description);

  // `names`: "-o,--output", or NAME for an argument by its place. `value` outlives the parsing.
  Option option(const std::string& names, std::string& value, const std::string& description) const;
  Option option(const std::string& names, std::optional<std::string>& value, const std::string& description) const;
  Option option(const std::string& names, std::filesystem::path& value, const std::string& description) const;
  Option option(const std::string& names, std::vector<std::string>& values, const std::string& description) const;
  Option flag(const std::string& names, bool& value, const std::string& description) const;
  /// What comes below the options in --help.
  void footer(const std::string& text) const;
  /// Called when this is the subcommand that was given, and its words are right.
  void callback(std::function<void()> work) const;

 private:
  CLI::App* app_;
};

}  // namespace adit::cli
