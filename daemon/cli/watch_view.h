// SPDX-License-Identifier: MIT
// What `adit status --watch` shows of a link, as lines of styled text that fit the screen. Pure: numbers in, lines out;
// watch.cpp puts them on the terminal.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace adit::cli {

enum class Style : std::uint8_t { plain, bold, dim, good, warning, bad };

struct Span {
  std::string text;
  Style style = Style::plain;
};
using Line = std::vector<Span>;

/// What was there at the last look, for what only two looks tell.
struct Earlier {
  double cpu_seconds = 0;
  std::int64_t pid = 0;
  std::map<std::string, std::uint64_t> drops;
};

struct Watched {
  std::string name;
  std::size_t number = 1;  ///< of the link among `links`
  std::size_t links = 1;
  nlohmann::ordered_json status;   ///< null: it does not answer
  nlohmann::ordered_json history;  ///< null: it does not have one
  std::string problem;             ///< why it does not answer
  std::optional<Earlier> earlier;  ///< of the same daemon
  double seconds = 1;              ///< since then
};

struct Screen {
  int columns = 80;
  int rows = 24;
  bool utf8 = true;
};

/// At most `rows` lines of at most `columns` characters. `now`: seconds since 1970. Throws nlohmann::json::exception
/// when the answers are not what docs/control-socket.md says.
std::vector<Line> watch_frame(const Watched& watched, const Screen& screen, std::int64_t now);

/// Bars from left to right, the newest value last and at the right edge; `rows` lines of `columns` characters. More
/// values than columns are averaged. `scale`: what the highest bar stands for.
std::vector<std::string> plot(const std::vector<double>& values, double scale, int columns, int rows, bool utf8);

/// Bits a second: "812.4 Mbit/s".
std::string rate_text(double bits);

/// For the next look's Watched::earlier.
Earlier look(const nlohmann::ordered_json& status);

}  // namespace adit::cli
