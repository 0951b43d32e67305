// SPDX-License-Identifier: MIT
// As wg-quick itself reads: everything from a '#' on is a comment, be it in quotes; keys and sections are the same in
// capitals and small letters. Other than there, the byte order mark and line ends of other systems do no harm.
#include "config/wg_quick_file.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <optional>

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
    {WgQuickKey::allowed_ips, "AllowedIPs", kPeer},
    {WgQuickKey::endpoint, "Endpoint", kPeer},
    {WgQuickKey::persistent_keepalive, "PersistentKeepalive", kPeer},
});

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view space = " \t\r\v\f";
  const auto first = text.find_first_not_of(space);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(space) - first + 1);
}

bool same_word(std::string_view a, std::string_view b) {
  const auto small = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::ranges::equal(a, b, {}, small, small);
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
  std::vector<WgQuickLine> take() { return std::move(lines_); }

 private:
  void open(std::string_view header, const Place& place);
  void add_value(std::string_view key, At<std::string_view> value);

  Problems& problems_;
  std::vector<WgQuickLine> lines_;
  std::string_view section_;  ///< empty: before the first
  bool skipping_ = false;     ///< of a section that was reported
  int peer_line_ = 0;
};

void Splitter::add(std::string_view line, int number) {
  const auto content = trimmed(line.substr(0, line.find('#')));
  if (content.empty()) return;
  const auto column = [&](std::string_view part) { return static_cast<int>(part.data() - line.data()) + 1; };
  const Place place{number, column(content), {}};
  if (content.front() == '[') return open(content, place);
  const auto equals = content.find('=');
  if (equals == std::string_view::npos) {
    problems_.add(place, fmt::format("{} is no line of a wg-quick file; write [Interface], [Peer] or KEY = VALUE",
                                     shown(content)));
    return;
  }
  const auto value = trimmed(content.substr(equals + 1));
  const auto at = value.empty() ? content : value;
  add_value(trimmed(content.substr(0, equals)), {value, {number, column(at), {}}});
}

void Splitter::open(std::string_view header, const Place& place) {
  skipping_ = true;
  if (same_word(header, "[Interface]")) {
    section_ = kInterface;
    skipping_ = false;
  } else if (same_word(header, "[Peer]")) {
    section_ = kPeer;
    skipping_ = peer_line_ > 0;
    if (skipping_) {
      problems_.add(place, fmt::format("[Peer] is there already (line {}), and an Adit link has one peer; make a file "
                                       "for each peer, each with its own ListenPort",
                                       peer_line_));
    }
    peer_line_ = skipping_ ? peer_line_ : place.line;
  } else {
    problems_.add(place,
                  fmt::format("{} is no section of a wg-quick file; they are [Interface] and [Peer]", shown(header)));
  }
}

void Splitter::add_value(std::string_view key, At<std::string_view> value) {
  if (skipping_) return;
  if (section_.empty()) {
    problems_.add(value.place, "stands before any section; begin with [Interface]");
    skipping_ = true;  // said once
    return;
  }
  const auto* const known = std::ranges::find_if(kKnown, [&](const auto& line) { return same_word(line.name, key); });
  if (known == kKnown.end()) {
    value.place.key = key.size() > 40 ? "" : key;
    // What stands before an '=' of base64 without a key may be a secret.
    if (shown(key).front() != '"') value.place.key.clear();
    problems_.add(value.place, unknown_reason(key, section_));
    return;
  }
  value.place.key = known->name;
  if (known->section != section_) {
    problems_.add(value.place, fmt::format("belongs into [{}]; move it there", known->section));
    return;
  }
  lines_.push_back({known->key, std::move(value)});
}

}  // namespace

std::string_view name_of(WgQuickKey key) {
  return std::ranges::find(kKnown, key, &KnownLine::key)->name;
}

std::vector<WgQuickLine> split_wg_quick(std::string_view text, Problems& problems) {
  constexpr std::string_view mark = "\xef\xbb\xbf";
  if (text.starts_with(mark)) text.remove_prefix(mark.size());
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
