// SPDX-License-Identifier: MIT
#include "cli/watch_view.h"
#include "base/clock_text.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <ctime>
#include <numeric>
#include <ranges>
#include <span>
#include <string_view>

#include "client/status_text.h"

namespace adit::cli {
namespace {

using nlohmann::ordered_json;

constexpr int kFewestRows = 8;
constexpr int kFewestColumns = 40;
constexpr int kMostPlotRows = 6;
constexpr int kMargin = 11;  ///< where values begin, under one another

std::string clock_text(std::int64_t time) {
  return time_of_day(WallTime{std::chrono::seconds(time)});
}

Style style_of(std::string_view state) {
  if (state == "up") return Style::good;
  return state == "stale" || state == "failed" ? Style::bad : Style::warning;
}

Line named(std::string_view name, std::string value, Style style = Style::plain) {
  return {{fmt::format(" {:<10}", name), Style::dim}, {std::move(value), style}};
}

Line first_line(const Watched& watched, std::int64_t now) {
  Line line{{" " + watched.name, Style::bold}};
  if (watched.status.is_null()) {
    line.push_back({" does not answer", Style::bad});
  } else {
    const auto state = watched.status.at("state").get<std::string>();
    line.push_back({" " + state, style_of(state)});
    line.push_back({fmt::format(" for {}", client::span_text(now - watched.status.at("since").get<std::int64_t>())),
                    Style::plain});
  }
  if (watched.links > 1) {
    line.push_back({fmt::format("   link {} of {}", watched.number, watched.links), Style::dim});
  }
  line.push_back({"   " + clock_text(now), Style::dim});
  return line;
}

std::string peer_value(const ordered_json& peer) {
  const auto& key = peer.at("public_key");
  const auto& endpoint = peer.at("endpoint");
  const auto who = key.is_null() ? std::string("not set up") : key.get<std::string>();
  if (endpoint.is_null()) return who + ", no endpoint known";
  return fmt::format("{} at {} ({})", who, endpoint.get<std::string>(), peer.at("endpoint_source").get<std::string>());
}

std::string handshake_value(const ordered_json& peer, std::int64_t now) {
  const auto& latest = peer.at("latest_handshake");
  if (latest.is_null()) return "never";
  const auto& round_trip = peer.at("handshake_rtt_ms");
  return fmt::format("{} ago{}", client::span_text(now - latest.get<std::int64_t>()),
                     round_trip.is_null() ? "" : fmt::format(", round trip {:.1f} ms", round_trip.get<double>()));
}

std::string daemon_value(const Watched& watched) {
  const auto& process = watched.status.at("process");
  auto text = fmt::format("process {}, {} of memory", process.at("pid").get<std::int64_t>(),
                          client::bytes_text(process.at("memory_bytes").get<std::uint64_t>()));
  if (watched.earlier && watched.earlier->pid == process.at("pid").get<std::int64_t>() && watched.seconds > 0) {
    const auto used = process.at("cpu_seconds").get<double>() - watched.earlier->cpu_seconds;
    text += fmt::format(", CPU {:.0f} %", 100 * std::max(used, 0.0) / watched.seconds);
  }
  return text;
}

/// Those that grow stand out.
Line drops_line(const Watched& watched) {
  Line line = named("dropped", "");
  bool any = false;
  for (const auto& [reason, value] : watched.status.at("drops").items()) {
    const auto count = value.get<std::uint64_t>();
    if (count == 0) continue;
    std::uint64_t before = count;
    if (watched.earlier) {
      const auto found = watched.earlier->drops.find(reason);
      if (found != watched.earlier->drops.end()) before = found->second;
    }
    const auto grown = count > before ? fmt::format(" (+{})", count - before) : "";
    line.push_back({fmt::format("{}{} {}{}", any ? ", " : "", reason, count, grown),
                    grown.empty() ? Style::plain : Style::warning});
    any = true;
  }
  if (!any) line.push_back({"nothing", Style::plain});
  return line;
}

struct Direction {
  std::vector<double> bits;  ///< a second
  double packets = 0;        ///< in the last one
};

Direction direction(const ordered_json& history, const char* name) {
  Direction result;
  const auto seconds = history.at("interval").get<double>();
  for (const auto& bytes : history.at(name).at("bytes")) result.bits.push_back(bytes.get<double>() * 8 / seconds);
  const auto& packets = history.at(name).at("packets");
  if (!packets.empty()) result.packets = packets.back().get<double>() / seconds;
  return result;
}

void add_traffic(std::vector<Line>& lines, std::string_view name, const Direction& traffic, const Screen& screen,
                 int plot_rows) {
  const auto now = traffic.bits.empty() ? 0 : traffic.bits.back();
  const auto most = traffic.bits.empty() ? 0 : *std::ranges::max_element(traffic.bits);
  Line line = named(name, rate_text(now), Style::bold);
  line.push_back({fmt::format(", {:.0f} packets/s", traffic.packets), Style::plain});
  line.push_back({fmt::format("   most: {}", rate_text(most)), Style::dim});
  lines.push_back(std::move(line));
  for (auto& row : plot(traffic.bits, most, screen.columns - 2, plot_rows, screen.utf8)) {
    lines.push_back({{" " + std::move(row), Style::good}});
  }
}

std::size_t columns_of(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(text, [](char c) { return (c & 0xc0) != 0x80; }));
}

/// Cut behind so many characters; what could move the cursor is made visible first.
void fit(Line& line, std::size_t columns) {
  for (auto span = line.begin(); span != line.end(); ++span) {
    std::ranges::replace_if(span->text, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7f; }, '?');
    const auto needed = columns_of(span->text);
    if (needed <= columns) {
      columns -= needed;
      continue;
    }
    std::size_t end = 0;
    for (std::size_t taken = 0; end < span->text.size(); ++end) {
      if ((span->text[end] & 0xc0) != 0x80 && taken++ == columns) break;
    }
    span->text.resize(end);
    line.erase(span + 1, line.end());
    return;
  }
}

/// Words at the right margin, so that a long sentence can be read whole.
void add_wrapped(std::vector<Line>& lines, std::string_view name, std::string_view text, Style style, int columns) {
  const auto room = static_cast<std::size_t>(columns - kMargin - 1);
  while (!text.empty()) {
    auto part = text.substr(0, room);
    if (part.size() < text.size()) {
      if (const auto space = part.rfind(' '); space != std::string_view::npos && space > 0)
        part = part.substr(0, space);
    }
    lines.push_back(named(name, std::string(part), style));
    name = "";
    text.remove_prefix(part.size());
    if (text.starts_with(' ')) text.remove_prefix(1);
  }
}

std::vector<Line> body(const Watched& watched, const Screen& screen, std::int64_t now) {
  std::vector<Line> lines;
  if (watched.status.is_null()) {
    add_wrapped(lines, "", watched.problem, Style::plain, screen.columns);
    return lines;
  }
  const auto& status = watched.status;
  const auto reason = status.at("reason").get<std::string>();
  add_wrapped(lines, "reason", reason, Style::warning, screen.columns);
  lines.push_back(named("peer", peer_value(status.at("peer"))));
  lines.push_back(named("handshake", handshake_value(status.at("peer"), now)));
  lines.push_back(
      named("offload", client::offload_text(status.at("offload")) + ", " + status.at("crypto").get<std::string>()));
  lines.push_back(named("daemon", daemon_value(watched)));
  lines.push_back(drops_line(watched));

  std::vector<Line> noticed;
  for (const auto& seen : status.value("observations", ordered_json::array())) {
    if (noticed.size() >= 3) break;
    const auto text =
        fmt::format("{} {}", clock_text(seen.at("last").get<std::int64_t>()), seen.at("sentence").get<std::string>());
    noticed.push_back(named(noticed.empty() ? "noticed" : "", text, Style::warning));
  }
  if (!watched.history.is_null()) {
    constexpr int kOtherRows = 6;  // first, last, two headings, two of air
    const int left = screen.rows - static_cast<int>(lines.size() + noticed.size()) - kOtherRows;
    const int plot_rows = std::clamp(left / 2, 1, kMostPlotRows);
    lines.emplace_back();
    add_traffic(lines, "sent", direction(watched.history, "tx"), screen, plot_rows);
    add_traffic(lines, "received", direction(watched.history, "rx"), screen, plot_rows);
    lines.emplace_back();
  }
  lines.insert(lines.end(), noticed.begin(), noticed.end());
  return lines;
}

}  // namespace

std::vector<Line> watch_frame(const Watched& watched, const Screen& screen, std::int64_t now) {
  if (screen.rows < kFewestRows || screen.columns < kFewestColumns) {
    std::vector<Line> lines{{{fmt::format("{}x{} is too small", screen.columns, screen.rows), Style::plain}}};
    fit(lines[0], static_cast<std::size_t>(std::max(screen.columns, 0)));
    return lines;
  }
  std::vector<Line> lines{first_line(watched, now)};
  for (auto& line : body(watched, screen, now)) lines.push_back(std::move(line));
  lines.resize(static_cast<std::size_t>(screen.rows - 1));
  lines.push_back({{watched.links > 1 ? " q quit   n next link   p previous link" : " q quit", Style::dim}});
  for (auto& line : lines) fit(line, static_cast<std::size_t>(screen.columns));
  return lines;
}

std::vector<std::string> plot(const std::vector<double>& values, double scale, int columns, int rows, bool utf8) {
  constexpr std::array<std::string_view, 9> kBlocks{" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  constexpr std::array<std::string_view, 3> kLetters{" ", ".", "#"};
  const std::span<const std::string_view> cells = utf8 ? std::span<const std::string_view>(kBlocks) : kLetters;
  const auto steps = static_cast<int>(cells.size()) - 1;

  const auto width = static_cast<std::size_t>(std::max(columns, 1));
  const auto each = std::max<std::size_t>((values.size() + width - 1) / width, 1);
  std::vector<double> bars;  // the newest first
  for (auto end = values.size(); end > 0 && bars.size() < width;) {
    const auto begin = end > each ? end - each : 0;
    bars.push_back(std::accumulate(values.begin() + static_cast<std::ptrdiff_t>(begin),
                                   values.begin() + static_cast<std::ptrdiff_t>(end), 0.0) /
                   static_cast<double>(end - begin));
    end = begin;
  }
  bars.resize(width);

  std::vector<std::string> lines(static_cast<std::size_t>(std::max(rows, 0)));
  for (const double bar : std::views::reverse(bars)) {
    // What is there at all is to be seen.
    const auto height =
        bar <= 0 || scale <= 0 ? 0 : std::max(1, static_cast<int>(std::lround(bar / scale * rows * steps)));
    for (int row = 0; row < rows; ++row) {
      const auto filled = std::clamp(height - (rows - 1 - row) * steps, 0, steps);
      lines[static_cast<std::size_t>(row)] += cells[static_cast<std::size_t>(filled)];
    }
  }
  return lines;
}

std::string rate_text(double bits) {
  constexpr std::array kUnits{"bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s"};
  constexpr double kStep = 1000;
  std::size_t unit = 0;
  while (bits >= kStep && unit + 1 < kUnits.size()) {
    bits /= kStep;
    ++unit;
  }
  return unit == 0 ? fmt::format("{:.0f} {}", bits, kUnits[unit]) : fmt::format("{:.1f} {}", bits, kUnits[unit]);
}

Earlier look(const ordered_json& status) {
  Earlier earlier{.cpu_seconds = status.at("process").at("cpu_seconds").get<double>(),
                  .pid = status.at("process").at("pid").get<std::int64_t>(),
                  .drops = {}};
  for (const auto& [reason, count] : status.at("drops").items()) earlier.drops[reason] = count.get<std::uint64_t>();
  return earlier;
}

}  // namespace adit::cli
