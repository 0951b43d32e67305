// SPDX-License-Identifier: MIT
// From the lines of a wg-quick file to a Draft: each key by itself, then what they mean together. What hooks mean is in
// wg_quick_reading_hooks.cpp, all else in wg_quick_reader.cpp.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/draft.h"
#include "config/wg_quick_commands.h"
#include "config/wg_quick_file.h"
#include "config/wg_quick_hooks.h"
#include "config/wg_quick_reader.h"
#include "config/wg_quick_values.h"

namespace adit::config {

class WgQuickReading {
 public:
  WgQuickReading(const WgQuickSource& source, Problems& problems) : source_(source), problems_(problems) {}

  /// Where its sections begin.
  struct Sections {
    Place interface;
    Place peer;
    std::vector<WgQuickKey> mistaken;  ///< WgQuickLines::mistaken
  };

  void read(const std::vector<WgQuickLine>& lines, Sections sections);
  Draft take() { return std::move(draft_); }

 private:
  void read_line(WgQuickKey key, const WgQuickValue& line);
  void read_interface_line(WgQuickKey key, const WgQuickValue& line);
  bool is_skipped(const WgQuickLine& line);
  void read_private_key(const WgQuickValue& line);
  void read_preshared_key(const WgQuickValue& line);
  void adopt_key_files();
  void adopt_addresses();
  void read_table(const WgQuickValue& line);
  void read_dns(const WgQuickValue& line);
  void finish_dns();
  void read_hook(WgQuickKey key, const WgQuickValue& line);
  void note_repeated(const WgQuickLine& line);
  void finish();
  void finish_allowed();
  void join_halves();
  void add_routes();
  bool add_hook(const WgQuickValue& line, std::string_view rest, HookKind kind);
  void finish_hooks();
  void note_hooks();
  void missing(WgQuickKey key, std::string_view hint);

  template <class T>
  std::optional<At<T>> parse(const WgQuickValue& line, Result<T> (*parser)(std::string_view)) {
    auto value = parser(line.value);
    if (value) return At<T>{std::move(*value), line.place};
    problems_.add(line.place, std::move(value.error().message));
    return std::nullopt;
  }

  template <class T>
  void read_list(const WgQuickValue& line, DraftList<T>& list, std::size_t max, Result<T> (*parser)(std::string_view)) {
    for (const auto& word : words_of(line)) {
      if (list.items.size() == max) {
        problems_.add(word.place, fmt::format("has too many elements; Adit takes {}", max));
        list.complete = false;
        return;
      }
      if (auto value = parse(word, parser)) {
        list.items.push_back(std::move(*value));
      } else {
        list.complete = false;
      }
    }
  }

  const std::string& wg_interface() const {
    return source_.wg_interface.empty() ? source_.interface : source_.wg_interface;
  }

  void note(const Place& place, std::string reason) { problems_.warn(place, std::move(reason)); }

  /// A key, or what stands in its place.
  struct Given {
    bool private_key = false;
    bool public_key = false;
  };
  /// The lines of hooks: PreUp, PostUp, PreDown, PostDown.
  struct HookLines {
    std::vector<WgQuickValue> first_up, up, down, last_down;
  };

  const WgQuickSource& source_;
  Problems& problems_;
  Draft draft_;
  Sections sections_;
  std::vector<WgQuickLine> seen_;
  std::vector<WgQuickLine> empty_;  ///< lines without a value
  Given given_;
  bool has_routes_ = true;  ///< Table is not off
  std::optional<std::uint32_t> table_;
  Place first_domain_;  ///< of `DNS`
  HookLines hook_lines_;
  WgQuickEffects effects_;
};

}  // namespace adit::config
