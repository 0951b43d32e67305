// SPDX-License-Identifier: MIT
// A request to a link by its name, and why there is no answer in a sentence with the next step.
#pragma once

#include "cli/control_client.h"

namespace adit::cli {

struct NoAnswer {
  AskFailure kind{};
  std::string sentence;
};

std::expected<std::string, NoAnswer> ask_link(const std::string& name, std::string_view request,
                                              std::chrono::seconds patience);

}  // namespace adit::cli
