// SPDX-License-Identifier: MIT
#include "control/control_protocol.h"

#include <nlohmann/json.hpp>

namespace adit::control {
namespace {

using nlohmann::ordered_json;

/// A name in a request may be any bytes: what is not UTF-8 must not end the daemon.
std::string dump(const ordered_json& value) {
  return value.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

/// How deep a request may be nested: the parser needs memory for each level, and no request has more than a few.
constexpr int kMaxDepth = 8;

/// Not ordered: with its keys in a list each would be compared with all before it.
nlohmann::json parse(std::string_view request) {
  using nlohmann::json;
  const auto not_too_deep = [](int depth, json::parse_event_t, json&) { return depth <= kMaxDepth; };
  return json::parse(request, not_too_deep, false);
}

ordered_json to_json(const ReloadOutcome& outcome) {
  if (outcome) return {{"reload", {{"changes", *outcome}}}};
  const auto& refusal = outcome.error();
  return {{"error", refusal.sentence}, {"problems", refusal.problems}};
}

}  // namespace

std::string error_answer(std::string_view sentence) {
  return dump({{"error", sentence}});
}

bool asks_for_events(std::string_view request) {
  // Most that is asked does not even have the word.
  if (!request.contains("events")) return false;
  const auto parsed = parse(request);
  return parsed.is_object() && parsed.contains("command") && parsed["command"] == "events";
}

/// What is not known is no business of theirs either; what is no request at all does nothing.
std::string refusal_to_others(std::string_view request) {
  const auto parsed = parse(request);
  if (!parsed.is_object() || !parsed.contains("command") || !parsed["command"].is_string()) return {};
  const auto name = parsed["command"].get<std::string>();
  if (name == "status" || name == "history" || name == "events") return {};
  return error_answer("only root and the link's own user may ask for \"" + name +
                      "\", others for \"status\", \"history\" and \"events\"");
}

std::string answer(std::string_view request, const Commands& commands) {
  const auto parsed = parse(request);
  if (!parsed.is_object())
    return error_answer(R"(not a request: send one JSON object a line, as {"command":"status"})");
  const auto command = parsed.find("command");
  if (command == parsed.end() || !command->is_string()) {
    return error_answer(R"(the request has no "command": send one as {"command":"status"})");
  }
  const auto name = command->get<std::string>();
  if (name == "status") return dump({{"status", to_json(commands.status())}});
  if (name == "history") return dump({{"history", to_json(commands.history())}});
  if (name == "reload") return dump(to_json(commands.reload()));
  if (name == "events") return commands.events();
  return error_answer("unknown command \"" + name +
                      "\": this aditd knows \"status\", \"history\", \"reload\" and \"events\"");
}

}  // namespace adit::control
