// SPDX-License-Identifier: MIT
#include "cli/command.h"

#include <CLI/App.hpp>
#include <utility>

namespace adit::cli {

const Option& Option::required() const {
  option_->required();
  return *this;
}

const Option& Option::excludes(const Option& other) const {
  option_->excludes(other.option_);
  return *this;
}

const Option& Option::needs(const Option& other) const {
  option_->needs(other.option_);
  return *this;
}

const Option& Option::one_value() const {
  option_->allow_extra_args(false);
  return *this;
}

const Option& Option::comma_separated() const {
  option_->delimiter(',')->allow_extra_args(false);
  return *this;
}

Command::Command(CLI::App& parent, const std::string& name, const std::string& description)
    : app_(parent.add_subcommand(name, description)) {}

Option Command::option(const std::string& names, std::string& value, const std::string& description) const {
  return Option(app_->add_option(names, value, description));
}

Option Command::option(const std::string& names, std::optional<std::string>& value,
                       const std::string& description) const {
  return Option(app_->add_option(names, value, description));
}

Option Command::option(const std::string& names, std::filesystem::path& value, const std::string& description) const {
  return Option(app_->add_option(names, value, description));
}

Option Command::option(const std::string& names, std::vector<std::string>& values,
                       const std::string& description) const {
  return Option(app_->add_option(names, values, description));
}

Option Command::flag(const std::string& names, bool& value, const std::string& description) const {
  return Option(app_->add_flag(names, value, description));
}

void Command::footer(const std::string& text) const {
  app_->footer(text);
}

void Command::callback(std::function<void()> work) const {
  app_->callback(std::move(work));
}

}  // namespace adit::cli
