// SPDX-License-Identifier: MIT
// adit events: a line for each thing that changes about running links, as it happens, until it is interrupted or no
// link is left. A link whose daemon makes way for another run is waited for, without a word.

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "base/clock_text.h"
#include "base/descriptor_limit.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/print.h"
#include "client/link_question.h"

namespace adit::cli {
namespace {

using nlohmann::ordered_json;

constexpr std::string_view kEventsRequest = R"({"command":"events"})";
constexpr std::size_t kLongestLine = 64 * 1024;
/// What a restart may take, with hooks and a service manager that tries again after up to 15 s.
constexpr std::chrono::seconds kLongestRestart{30};
constexpr std::chrono::seconds kBetweenTries{1};

using Clock = std::chrono::steady_clock;

struct Source {
  std::string name;
  FileDescriptor fd;         ///< none: nobody tells anything at the moment
  std::string input;         ///< of a line that is not whole yet
  Clock::time_point lost{};  ///< since when nobody does
  Clock::time_point tried{};
  bool ended = false;  ///< that was said; another run of it is heard as long as there are other links
};

std::string text(const ordered_json& json, const char* key) {
  const auto& value = json.at(key);
  return value.is_null() ? "unknown" : value.is_string() ? value.get<std::string>() : value.dump();
}

std::string with_reason(const ordered_json& event) {
  const auto reason = event.at("reason").get<std::string>();
  return reason.empty() ? "" : ": " + reason;
}

/// And not at another address. An older daemon says nothing of devices.
bool is_by_another_device(const ordered_json& event) {
  return event.at("event") == "endpoint" && event.contains("device") && event.at("endpoint") == event.at("previous");
}

/// What happened, without when and to whom. Throws ordered_json::exception when it is no event.
std::string sentence(const ordered_json& event) {
  auto kind = event.at("event").get<std::string>();
  if (kind == "now") {
    return fmt::format("is {}{} (endpoint {}, MTU {})", text(event, "state"), with_reason(event),
                       text(event, "endpoint"), text(event, "mtu"));
  }
  if (kind == "state") {
    const bool first = event.at("previous").is_null();
    return fmt::format("state {}{}{}", text(event, "state"),
                       first ? "" : fmt::format(", was {}", text(event, "previous")), with_reason(event));
  }
  if (is_by_another_device(event)) {
    return fmt::format("endpoint {} by {}, was by {}", text(event, "endpoint"), text(event, "device"),
                       text(event, "previous_device"));
  }
  if (kind == "endpoint" || kind == "mtu") {
    return fmt::format("{} {}, was {}", kind, text(event, kind.c_str()), text(event, "previous"));
  }
  if (kind == "path") return fmt::format("path {}, size {}", text(event, "probe"), text(event, "size"));
  if (kind == "put_back") {
    const auto& named = event.at("what");
    std::string what;
    for (const auto& each : named) what += (what.empty() ? "" : ", ") + each.get<std::string>();
    const auto count = event.at("count").get<std::size_t>();
    if (count > named.size()) what += fmt::format(" and {} more", count - named.size());
    return fmt::format("put back what {} took away: {}",
                       event.at("by").is_null() ? std::string("somebody") : text(event, "by"), what);
  }
  if (kind == "bypass") {
    const auto& ways = event.at("what");
    std::string what;
    for (const auto& each : ways) what += (what.empty() ? "" : "; ") + each.get<std::string>();
    return what.empty() ? "all that is to go into the tunnel does so again" : what;
  }
  if (kind == "lost")
    return fmt::format("{} events are missing here: they were not read in time", text(event, "count"));
  return kind;
}

std::string when(const ordered_json& event) {
  if (!event.contains("time")) return std::string(8, ' ');
  const std::chrono::duration<double> seconds(event.at("time").get<double>());
  return time_of_day({std::chrono::duration_cast<Duration>(seconds)});
}

/// False: that is no event.
bool print_line(const Source& source, const std::string& line, bool json, Context& context) {
  try {
    auto event = ordered_json::parse(line);
    if (event.contains("error")) {
      say(context.err, "adit events: link {}: {}\n", source.name, event.at("error").get<std::string>());
      return false;
    }
    if (json) {
      if (!event.contains("link")) event["link"] = source.name;
      say(context.out, "{}\n", event.dump());
    } else {
      say(context.out, "{} {} {}\n", when(event), source.name, sentence(event));
    }
    context.out.flush();
    return true;
  } catch (const ordered_json::exception&) {
    say(context.err,
        "adit events: link {} says what this adit does not understand: are adit and aditd of one version?\n",
        source.name);
    return false;
  }
}

void lose(Source& source) {
  source.fd = {};
  source.input.clear();
  source.lost = source.tried = Clock::now();
}

/// False: it is not to be asked again.
bool read(Source& source, bool json, Context& context) {
  std::array<char, 16 * 1024> part;
  const auto size = ::recv(source.fd.get(), part.data(), part.size(), 0);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return true;
  if (size <= 0) {
    lose(source);
    return true;
  }
  source.input.append(part.data(), static_cast<std::size_t>(size));
  for (auto end = source.input.find('\n'); end != std::string::npos; end = source.input.find('\n')) {
    const auto line = source.input.substr(0, end);
    source.input.erase(0, end + 1);
    if (!print_line(source, line, json, context)) return false;
  }
  return source.input.size() <= kLongestLine;
}

/// Whoever comes back tells first how the link is now.
void find_again(Source& source, Context& context) {
  const auto now = Clock::now();
  if (source.fd || now - source.tried < kBetweenTries) return;
  source.tried = now;
  if (auto connected = client::listen_to_link(source.name, kEventsRequest)) {
    source.fd = std::move(*connected);
    source.ended = false;
  } else if (!source.ended && now - source.lost >= kLongestRestart) {
    source.ended = true;
    say(context.err, "adit events: link {} has ended\n", source.name);
  }
}

bool is_any_left(const std::vector<Source>& sources) {
  return std::ranges::any_of(sources, [](const Source& source) { return !source.ended; });
}

/// Waits for lines of those that tell something, and not for long where one tells nothing. False: it cannot.
bool listen(std::vector<Source>& sources, bool json, Context& context) {
  std::vector<pollfd> polled;  // poll() passes over those that have no descriptor
  for (const auto& source : sources) polled.push_back({.fd = source.fd.get(), .events = POLLIN, .revents = 0});
  const bool all_tell = std::ranges::all_of(sources, [](const Source& source) { return bool(source.fd); });
  const int patience = all_tell ? -1 : static_cast<int>(std::chrono::milliseconds(kBetweenTries).count());
  if (::poll(polled.data(), polled.size(), patience) < 0) return errno == EINTR;
  for (std::size_t i = sources.size(); i-- > 0;) {
    if (polled[i].revents == 0 || read(sources[i], json, context)) continue;
    sources.erase(sources.begin() + static_cast<std::ptrdiff_t>(i));
  }
  return true;
}

int events(const std::vector<std::string>& named, bool json, Context& context) {
  const RaisedDescriptorLimit raised;  // one for each link, to the end
  const auto names = named.empty() ? client::running_links() : named;
  std::vector<Source> sources;
  bool failed = false;
  for (const auto& name : names) {
    auto connected = client::listen_to_link(name, kEventsRequest);
    if (connected) {
      sources.push_back({.name = name, .fd = std::move(*connected), .input = {}});
      continue;
    }
    say(context.err, "adit: {}\n", connected.error().sentence);
    const bool missing =
        connected.error().kind == client::AskFailure::no_socket || connected.error().kind == client::AskFailure::nobody;
    if (!named.empty() && missing) return kNoSuchLink;
    failed = true;
  }
  if (sources.empty() && !failed) {
    say(context.err, "adit events: {}\n", client::no_running_links());
  }
  while (is_any_left(sources) && context.out) {
    if (!listen(sources, json, context)) return kFailed;
    for (auto& source : sources) find_again(source, context);
  }
  return kFailed;
}

}  // namespace

void add_events(CLI::App& app, Context& context) {
  const Command command(app, "events", "Tell what changes about links, as it happens");
  const auto names = std::make_shared<std::vector<std::string>>();
  const auto json = std::make_shared<bool>(false);
  command.option("NAME", *names, "Links, by the names of their files; default: all that run on this host");
  command.flag("--json", *json, "A JSON object a line");
  command.footer(
      "Goes on until Ctrl-C, or until none of the links has run for half a minute: through restarts, therefore.\n"
      "Exit status: 4 there is no such link, 1 no link is left.\n"
      "Example:\n  adit events office --json");
  command.callback([&context, names, json] { context.exit_status = events(*names, *json, context); });
}

}  // namespace adit::cli
