// SPDX-License-Identifier: MIT
// adit status: asks every running link, or the named ones, what it is doing. Links go to standard output, what could
// not be asked to standard error. The exit status tells scripts of named links: up (0), not up (3, as one that hangs),
// not there (4).

#include <algorithm>
#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <system_error>
#include <vector>

#include "cli/command.h"
#include "cli/commands.h"
#include "cli/print.h"
#include "cli/terminal.h"
#include "cli/watch.h"
#include "client/link_question.h"
#include "client/status_text.h"

namespace adit::cli {
namespace {

using nlohmann::ordered_json;

constexpr std::chrono::seconds kStatusPatience{2};
constexpr std::string_view kStatusRequest = R"({"command":"status"})";

struct Link {
  std::string name;
  ordered_json status;  ///< null: could not be asked
  std::string problem;  ///< why
  int exit_status = kDone;
};

Link not_understood(Link link) {
  link.status = nullptr;
  link.problem =
      fmt::format("link {} answers what this adit does not understand: are adit and aditd of one version?", link.name);
  link.exit_status = kFailed;
  return link;
}

/// Somebody holds the socket of a link that does not answer: it is there, and surely not well.
int exit_status_of(client::AskFailure failure) {
  switch (failure) {
    case client::AskFailure::no_socket:
    case client::AskFailure::nobody:
      return kNoSuchLink;
    case client::AskFailure::no_answer:
      return kNotUp;
    case client::AskFailure::forbidden:
    case client::AskFailure::broken:
      break;
  }
  return kFailed;
}

Link status_of(const std::string& name, const client::LinkAnswer& answer, std::int64_t now) {
  Link link{.name = name, .status = nullptr, .problem = {}};
  if (!answer) {
    link.problem = answer.error().sentence;
    link.exit_status = exit_status_of(answer.error().kind);
    return link;
  }
  try {
    link.status = ordered_json::parse(*answer).at("status");
    static_cast<void>(client::status_text(link.status, now));  // all that people and scripts rely on is there
    if (link.status.at("state") != "up") link.exit_status = kNotUp;
    return link;
  } catch (const ordered_json::exception&) {
    return not_understood(std::move(link));
  }
}

void print_json(const std::vector<Link>& links, Context& context) {
  auto list = ordered_json::array();
  for (const auto& link : links) {
    if (!link.status.is_null()) list.push_back(link.status);
  }
  say(context.out, "{}\n", list.dump(2));
}

void print_text(const std::vector<Link>& links, std::int64_t now, Context& context) {
  const bool coloured = wants_colour(context.out_fd);
  bool first = true;
  for (const auto& link : links) {
    if (link.status.is_null()) continue;
    say(context.out, "{}{}", first ? "" : "\n", client::status_text(link.status, now, coloured));
    first = false;
  }
}

/// The worst of the named links. Without names it is not an error that a link is not up, but that it cannot be asked
/// although it is there.
int exit_status(const std::vector<Link>& links, bool named) {
  const auto has = [&](int status) {
    return std::ranges::any_of(links, [status](const auto& link) { return link.exit_status == status; });
  };
  if (has(kFailed)) return kFailed;
  if (!named) return kDone;
  if (has(kNoSuchLink)) return kNoSuchLink;
  return has(kNotUp) ? kNotUp : kDone;
}

int status(const std::vector<std::string>& named, bool json, Context& context) {
  const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
  const std::int64_t now = std::chrono::duration_cast<std::chrono::seconds>(since_epoch).count();
  const auto names = named.empty() ? client::running_links() : named;
  const auto answers = client::ask_links(names, kStatusRequest, kStatusPatience);
  std::vector<Link> links;
  for (std::size_t i = 0; i < names.size(); ++i) links.push_back(status_of(names[i], answers[i], now));
  if (json) {
    print_json(links, context);
  } else {
    print_text(links, now, context);
  }
  for (const auto& link : links) {
    if (!link.problem.empty()) say(context.err, "adit: {}\n", link.problem);
  }
  if (links.empty() && !json) {
    say(context.out, "{}\n", client::no_running_links());
  }
  return exit_status(links, !named.empty());
}

}  // namespace

void add_status(CLI::App& app, Context& context) {
  const Command command(app, "status", "Say what links are doing, and why");
  const auto names = std::make_shared<std::vector<std::string>>();
  const auto json = std::make_shared<bool>(false);
  command.option("NAME", *names, "Links, by the names of their files; default: all that run on this host");
  const auto as_json = command.flag("--json", *json, "A JSON array with an object for each link");
  const auto live = std::make_shared<bool>(false);
  command.flag("--watch", *live, "A live view of one link at a time: throughput, drops, the daemon; q quits")
      .excludes(as_json);
  command.footer(
      "Exit status with NAME: 0 up, 3 not up, or runs and does not answer, 4 no such link.\n"
      "Examples:\n  adit status\n  adit status office --watch");
  command.callback([&context, names, json, live] {
    context.exit_status = *live ? watch(*names, context) : status(*names, *json, context);
  });
}

}  // namespace adit::cli
