// SPDX-License-Identifier: MIT
// The configuration of the other end of a link, as far as this end's tells it. What it cannot tell is asked for, by the
// option that gives it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "config/config.h"

namespace adit::cli {

/// What this end's file does not say.
struct OtherEndWishes {
  std::optional<std::string> endpoint;  ///< HOST or HOST:PORT: where the other end reaches this host
  std::vector<std::string> name_servers;
  std::vector<std::string> routes;  ///< subnets behind this host, or `default`, for the other end to reach
};

/// Whether each can be what it stands for; the error names the option.
Result<> check(const OtherEndWishes& wishes);

struct OtherEnd {
  config::Config config;             ///< the private key is all zero
  std::vector<std::string> guesses;  ///< sentences
};

Result<OtherEnd> other_end(const config::Config& ours, const OtherEndWishes& wishes);

}  // namespace adit::cli
