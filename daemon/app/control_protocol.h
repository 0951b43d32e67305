// SPDX-License-Identifier: MIT
// What is said over the control socket (docs/control-socket.md): a JSON object a line in each direction. Turns a
// request into an answer; does not know sockets or the link.
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "app/reload.h"

namespace adit::app {

/// What the daemon can be asked.
struct Commands {
  std::function<nlohmann::ordered_json()> status;
  std::function<nlohmann::ordered_json()> history;
  std::function<ReloadOutcome()> reload;
};

/// The answer, without a newline in it or behind it. Whatever the request is, there is one.
std::string answer(std::string_view request, const Commands& commands);
/// {"error": SENTENCE}
std::string error_answer(std::string_view sentence);

}  // namespace adit::app
