// SPDX-License-Identifier: MIT
// As wg-quick and wg themselves read: keys and sections are the same in capitals and small letters, and with spaces in
// them; everything from a '#' on is a comment. In hooks that is so for a '#' that is one to the shell, as wg-quick has
// it since 1.0.20250521: those before cut them in quotes too, and left half a command. Other than there, the byte order
// mark and line ends of other systems do no harm.
#include "config/wg_quick_file.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <optional>

#include "config/shell_text.h"
#include "config/wg_quick_forks.h"
#include "config/wording.h"

namespace adit::config {
namespace {

constexpr std::string_view kInterface = "Interface";
constexpr std::string_view kPeer = "Peer";

struct KnownLine {
  WgQuickKey key;
  std::string_view name;
  std::string_view section;
};

constexpr std::array kKnown = std::to_array<KnownLine>({
    {WgQuickKey::private_key, "PrivateKey", kInterface},
    {WgQuickKey::private_key_file, "PrivateKeyFile", kInterface},
    {WgQuickKey::listen_port, "ListenPort", kInterface},
    {WgQuickKey::fwmark, "FwMark", kInterface},
    {WgQuickKey::address, "Address", kInterface},
    {WgQuickKey::dns, "DNS", kInterface},
    {WgQuickKey::mtu, "MTU", kInterface},
    {WgQuickKey::table, "Table", kInterface},
    {WgQuickKey::pre_up, "PreUp", kInterface},
    {WgQuickKey::post_up, "PostUp", kInterface},
    {WgQuickKey::pre_down, "PreDown", kInterface},
    {WgQuickKey::post_down, "PostDown", kInterface},
    {WgQuickKey::save_config, "SaveConfig", kInterface},
    {WgQuickKey::included_applications, "IncludedApplications", kInterface},
    {WgQuickKey::excluded_applications, "ExcludedApplications", kInterface},
    {WgQuickKey::public_key, "PublicKey", kPeer},
    {WgQuickKey::preshared_key, "PresharedKey", kPeer},
    {WgQuickKey::preshared_key_file, "PresharedKeyFile", kPeer},
    {WgQuickKey::allowed_ips, "AllowedIPs", kPeer},
    {WgQuickKey::endpoint, "Endpoint", kPeer},
    {WgQuickKey::persistent_keepalive, "PersistentKeepalive", kPeer},
});

/// Characters that look like a space or like nothing, and are no space to wg.
constexpr std::array kFalseSpaces = std::to_array<std::pair<std::string_view, std::string_view>>({
    {"\xc2\xa0", "a no-break space (U+00A0)"},
    {"\xe2\x80\xaf", "a narrow no-break space (U+202F)"},
    {"\xe2\x80\x87", "a figure space (U+2007)"},
    {"\xe2\x80\x83", "an em space (U+2003)"},
    {"\xe2\x80\x82", "an en space (U+2002)"},
    {"\xe2\x80\x89", "a thin space (U+2009)"},
    {"\xe3\x80\x80", "an ideographic space (U+3000)"},
    {"\xe2\x80\x8b", "a zero-width space (U+200B)"},
    {"\xe2\x81\xa0", "a word joiner (U+2060)"},
    {"\xef\xbb\xbf", "a byte order mark (U+FEFF)"},
});

bool same_word(std::string_view a, std::string_view b) {
  const auto small = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::ranges::equal(a, b, {}, small, small);
}

/// "[Peer]" of "[ Peer ]" and "PrivateKey" of "Private Key": wg forgets all spaces.
std::string without_spaces(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (!std::string_view(" \t\r\v\f").contains(c)) result += c;
  }
  return result;
}

bool is_hook(WgQuickKey key) {
  return key == WgQuickKey::pre_up || key == WgQuickKey::post_up || key == WgQuickKey::pre_down ||
         key == WgQuickKey::post_down;
}

const KnownLine* find_known(std::string_view written) {
  const auto* const known =
      std::ranges::find_if(kKnown, [&](const auto& line) { return same_word(line.name, written); });
  return known == kKnown.end() ? nullptr : known;
}

/// What a comment beside [Peer] calls it: "alice" of "# alice", "# Name = alice" and "# Client: alice (1f0c…)".
std::string name_in(std::string_view comment) {
  comment.remove_prefix(std::min(comment.find_first_not_of("# \t"), comment.size()));
  for (const std::string_view label : {"friendly_name", "name", "client", "device"}) {
    const auto sign = comment.find_first_of("=:");
    if (sign == std::string_view::npos || !same_word(trimmed(comment.substr(0, sign)), label)) continue;
    comment = comment.substr(sign + 1);
    break;
  }
  comment = trimmed(comment.substr(0, comment.find('(')));
  // A line of the file that was put out of use is no name.
  return comment.contains('=') || comment.size() > 64 ? std::string() : std::string(comment);
}

/// A line's key is one of `section`, or of the other one, or unknown: then with the nearest name.
std::string unknown_reason(std::string_view key, std::string_view section) {
  std::vector<std::string_view> names;
  for (const auto& known : kKnown) {
    if (known.section == section) names.push_back(known.name);
  }
  if (const auto guess = closest(key, names)) return fmt::format("unknown key; did you mean {}?", *guess);
  return fmt::format("unknown key; known in [{}]: {}", section, alternatives(names));
}

class Splitter {
 public:
  explicit Splitter(Problems& problems) : problems_(problems) {}

  void add(std::string_view line, int number);
  WgQuickLines take() {
    forks_.report(problems_);
    return std::move(result_);
  }

 private:
  void open(std::string_view header, std::string_view line, const Place& place);
  void note_comment(std::string_view comment, int number);
  std::optional<std::string_view> hook_of(std::string_view written, const Place& place);
  void add_value(const std::string& key, At<std::string_view> value);
  void report_unknown(std::string_view key, Place place);

  Problems& problems_;
  WgQuickLines result_;
  WgQuickForks forks_;
  std::string_view section_;  ///< empty: before the first
  bool skipping_ = false;     ///< of a section that was reported
  std::string last_comment_;  ///< of a line that is nothing else
  int comment_line_ = 0;
};

void Splitter::add(std::string_view line, int number) {
  const auto content = trimmed(line.substr(0, line.find('#')));
  if (content.empty()) return note_comment(trimmed(line), number);
  const auto column = [&](std::string_view part) { return static_cast<int>(part.data() - line.data()) + 1; };
  const Place place{number, column(content), {}};
  if (content.front() == '[') return open(content, line, place);
  const auto equals = content.find('=');
  if (equals == std::string_view::npos) {
    problems_.add(place, fmt::format("{} is no line of a wg-quick file; write [Interface], [Peer] or KEY = VALUE",
                                     shown(content)));
    return;
  }
  const auto key = without_spaces(content.substr(0, equals));
  auto value = trimmed(content.substr(equals + 1));
  if (const auto* const known = find_known(key); known != nullptr && is_hook(known->key)) {
    const auto written = trimmed(line.substr(static_cast<std::size_t>(content.data() - line.data()) + equals + 1));
    const auto hook = hook_of(written, {number, place.column, std::string(known->name)});
    if (!hook) return;
    value = *hook;
  }
  const auto at = value.empty() ? content : value;
  add_value(key, {value, {number, column(at), {}}});
}

/// The line without its comment; nothing if it is none, which has been reported.
std::optional<std::string_view> Splitter::hook_of(std::string_view written, const Place& place) {
  const auto end = comment_start(written);
  if (!end) {
    problems_.add(place, "a quote in it is never closed; close it");
    return std::nullopt;
  }
  const auto hook = trimmed(written.substr(0, *end));
  if (hook.contains('#')) {
    problems_.warn(place,
                   "keeps its '#', which belongs to the command; wg-quick before 1.0.20250521 cut the line there");
  }
  return hook;
}

void Splitter::note_comment(std::string_view comment, int number) {
  auto name = comment.empty() ? std::string() : name_in(comment);
  auto& peers = result_.peers;
  const bool is_below =
      section_ == kPeer && !peers.empty() && peers.back().name.empty() && number == peers.back().place.line + 1;
  if (is_below && !name.empty()) {
    peers.back().name = std::move(name);
    return;
  }
  last_comment_ = std::move(name);
  comment_line_ = number;
}

void Splitter::open(std::string_view header, std::string_view line, const Place& place) {
  const auto written = without_spaces(header);
  skipping_ = false;
  if (same_word(written, "[Interface]")) {
    section_ = kInterface;
    result_.interface = place;
  } else if (same_word(written, "[Peer]")) {
    section_ = kPeer;
    const auto sign = line.find('#');
    auto name = sign == std::string_view::npos ? std::string() : name_in(line.substr(sign));
    if (name.empty() && comment_line_ + 1 == place.line) name = last_comment_;
    result_.peers.push_back({place, std::move(name)});
  } else {
    skipping_ = true;
    problems_.add(place,
                  fmt::format("{} is no section of a wg-quick file; they are [Interface] and [Peer]", shown(header)));
  }
}

void Splitter::report_unknown(std::string_view key, Place place) {
  place.key = key.size() > 40 ? "" : key;
  // What stands before an '=' of base64 without a key may be a secret.
  if (shown(key).front() != '"') place.key.clear();
  std::vector<std::string_view> names;
  for (const auto& known : kKnown) names.push_back(known.name);
  if (const auto guess = closest(key, names)) result_.mistaken.push_back(find_known(*guess)->key);
  problems_.add(place, unknown_reason(key, section_));
}

void Splitter::add_value(const std::string& key, At<std::string_view> value) {
  if (skipping_) return;
  if (section_.empty()) {
    problems_.add(value.place, "stands before any section; begin with [Interface]");
    skipping_ = true;  // said once
    return;
  }
  const auto* const known = find_known(key);
  if (known == nullptr) {
    if (!forks_.take(key, value)) report_unknown(key, value.place);
    return;
  }
  value.place.key = known->name;
  if (known->section != section_) {
    result_.mistaken.push_back(known->key);
    problems_.add(value.place, fmt::format("belongs into [{}]; move it there", known->section));
    return;
  }
  result_.lines.push_back({known->key, std::move(value), section_ == kPeer ? result_.peers.size() : 0});
}

}  // namespace

std::string_view name_of(WgQuickKey key) {
  return std::ranges::find(kKnown, key, &KnownLine::key)->name;
}

std::string with_plain_spaces(std::string_view text, Problems& problems) {
  std::string plain;
  plain.reserve(text.size());  // growing would leave copies of keys behind
  int line = 1;
  std::size_t line_start = 0;
  int warned = 0;
  bool in_comment = false;
  for (std::size_t at = 0; at < text.size();) {
    const auto rest = text.substr(at);
    const auto* const found =
        std::ranges::find_if(kFalseSpaces, [&](const auto& each) { return rest.starts_with(each.first); });
    if (found == kFalseSpaces.end()) {
      if (rest[0] == '#') in_comment = true;
      plain += rest[0];
      ++at;
      if (rest[0] != '\n') continue;
      ++line;
      line_start = at;
      in_comment = false;
      continue;
    }
    if (!in_comment && at != 0 && std::exchange(warned, line) != line) {
      problems.warn(
          {line, static_cast<int>(at - line_start) + 1, {}},
          fmt::format("{} stands here, and is read as an ordinary space; wg would refuse the line", found->second));
    }
    plain.append(found->first.size(), ' ');
    at += found->first.size();
  }
  return plain;
}

WgQuickLines split_wg_quick(std::string_view text, Problems& problems) {
  Splitter splitter(problems);
  int number = 1;
  for (std::size_t start = 0; start < text.size(); ++number) {
    const auto end = std::min(text.find('\n', start), text.size());
    splitter.add(text.substr(start, end - start), number);
    start = end + 1;
  }
  return splitter.take();
}

}  // namespace adit::config
