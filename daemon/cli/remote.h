// SPDX-License-Identifier: MIT
// Commands on a host, this one or one that the user's own ssh reaches, with the keys, agents and jump hosts that ssh is
// set up with. What ssh and sudo ask, they ask the user on the terminal; nothing of it is seen here.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace adit::cli {

/// In single quotes, for a POSIX shell.
std::string shell_word(std::string_view text);

/// Of what a script said, in lines `key=value`; empty: it did not.
std::string value_of(const std::string& output, std::string_view key);

class Remote {
 public:
  /// The word for the host that this runs on.
  static constexpr std::string_view kLocal = "local";

  /// `target`: kLocal, or what ssh takes as its destination.
  explicit Remote(std::string target) : target_(std::move(target)) {}

  struct Outcome {
    int status = 0;  ///< of the command; 255: ssh did not get there
    std::string output;
  };
  /// Has `script` run by sh as root, with `input` to read, which goes by no file and no argument. Its complaints go to
  /// the user. The error: it could not be run at all.
  Result<Outcome> run(const std::string& script, std::string_view input = {}) const;
  /// What it says there. The error, then, too: ssh did not get there.
  Result<std::string> ask(const std::string& script, std::string_view input = {}) const;

  const std::string& target() const { return target_; }

 private:
  std::string target_;
};

}  // namespace adit::cli
