// SPDX-License-Identifier: MIT
// A line that comes through the control socket.
#include <nlohmann/json.hpp>

#include "control/control_protocol.h"
#include "fuzz.h"

namespace adit::fuzz {

void run(Bytes bytes) {
  const control::Commands commands{.status = [] { return control::Report{}; },
                                   .history = [] { return std::vector<control::History::Amount>(3); },
                                   .reload = [] { return control::ReloadOutcome(); }};
  const auto answer = control::answer(as_text(bytes), commands);
  require(!answer.contains('\n'), "an answer is one line");
  require(nlohmann::json::parse(answer, nullptr, false).is_object(), "an answer is a JSON object");
}

}  // namespace adit::fuzz
