// SPDX-License-Identifier: MIT
// What is said over the control socket (docs/control-socket.md): a JSON object a line in each direction. Turns a
// request into an answer; does not know sockets or the link.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "control/reload.h"
#include "control/status_report.h"

namespace adit::control {

/// What the daemon can be asked.
struct Commands {
  std::function<Report()> status;
  /// Of History, up to the last whole second.
  std::function<std::vector<History::Amount>()> history;
  std::function<ReloadOutcome()> reload;
  std::function<std::string()> events = {};  ///< the first line of those that follow (events.h)
};

/// The answer, without a newline in it or behind it. Whatever the request is, there is one.
std::string answer(std::string_view request, const Commands& commands);
/// Whether the answer is the first of many lines.
bool asks_for_events(std::string_view request);
/// What may be asked by root and the link's own user alone is refused; empty: anybody may ask it.
std::string refusal_to_others(std::string_view request);
/// {"error": SENTENCE}
std::string error_answer(std::string_view sentence);

}  // namespace adit::control
