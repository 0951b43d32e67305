// SPDX-License-Identifier: MIT
#include "config/idn.h"

#include <algorithm>
#include <cstdint>

#include "config/file_text.h"

namespace adit::config {
namespace {

// RFC 3492 §5
constexpr std::uint32_t kBase = 36;
constexpr std::uint32_t kMinThreshold = 1;
constexpr std::uint32_t kMaxThreshold = 26;
constexpr std::uint32_t kSkew = 38;
constexpr std::uint32_t kDamp = 700;
constexpr std::uint32_t kInitialBias = 72;
constexpr std::uint32_t kInitialCode = 128;
constexpr std::size_t kMaxAsciiLabel = 63;

std::uint32_t adapted(std::uint32_t delta, std::uint32_t count, bool first) {
  delta = first ? delta / kDamp : delta / 2;
  delta += delta / count;
  std::uint32_t k = 0;
  for (; delta > (kBase - kMinThreshold) * kMaxThreshold / 2; k += kBase) delta /= kBase - kMinThreshold;
  return k + (kBase - kMinThreshold + 1) * delta / (delta + kSkew);
}

char digit(std::uint32_t value) {
  return static_cast<char>(value < 26 ? 'a' + value : '0' + (value - 26));
}

/// Small letters, of the scripts that have two cases and keep them side by side.
std::uint32_t lower(std::uint32_t code) {
  const auto between = [code](std::uint32_t from, std::uint32_t to) { return code >= from && code <= to; };
  if (between('A', 'Z')) return code + 32;
  if (between(0xc0, 0xde) && code != 0xd7) return code + 32;             // Latin-1
  if (between(0x391, 0x3a9) || between(0x410, 0x42f)) return code + 32;  // Greek, Cyrillic
  if (between(0x400, 0x40f)) return code + 80;
  const bool even_is_capital = between(0x100, 0x137) || between(0x14a, 0x177) || between(0x460, 0x481);
  if (even_is_capital && code % 2 == 0 && code != 0x130) return code + 1;
  const bool odd_is_capital = between(0x139, 0x148) || between(0x179, 0x17e);
  return odd_is_capital && code % 2 == 1 ? code + 1 : code;
}

std::optional<std::u32string> codes_of(std::string_view text) {
  std::u32string codes;
  for (std::size_t at = 0; at < text.size();) {
    const auto length = utf8_length(text, at);
    if (length == 0) return std::nullopt;
    const auto first = static_cast<std::uint8_t>(text[at]);
    std::uint32_t code = length == 1 ? first : first & (0x7fu >> length);
    for (std::size_t i = 1; i < length; ++i) code = code << 6 | (static_cast<std::uint8_t>(text[at + i]) & 0x3fu);
    const bool is_joining_mark = code >= 0x300 && code <= 0x36f;
    const bool is_none = (code >= 0x80 && code < 0xc0 && code != 0xb7) || (code >= 0x2000 && code <= 0x206f);
    if (is_joining_mark || is_none) return std::nullopt;
    codes += static_cast<char32_t>(lower(code));
    at += length;
  }
  return codes;
}

/// RFC 3492 §6.3
std::string punycode(const std::u32string& codes) {
  std::string out;
  for (const auto code : codes) {
    if (code < kInitialCode) out += static_cast<char>(code);
  }
  const auto basic = static_cast<std::uint32_t>(out.size());
  auto handled = basic;
  if (basic > 0) out += '-';
  std::uint32_t n = kInitialCode;
  std::uint32_t delta = 0;
  std::uint32_t bias = kInitialBias;
  while (handled < codes.size()) {
    char32_t next = 0x110000;
    for (const auto code : codes) {
      if (code >= n && code < next) next = code;
    }
    delta += (next - n) * (handled + 1);
    n = next;
    for (const auto code : codes) {
      if (code < n) ++delta;
      if (code != n) continue;
      auto q = delta;
      for (std::uint32_t k = kBase;; k += kBase) {
        const auto t = k <= bias ? kMinThreshold : std::min(k - bias, kMaxThreshold);
        if (q < t) break;
        out += digit(t + (q - t) % (kBase - t));
        q = (q - t) / (kBase - t);
      }
      out += digit(q);
      bias = adapted(delta, handled + 1, handled == basic);
      delta = 0;
      ++handled;
    }
    ++delta;
    ++n;
  }
  return out;
}

}  // namespace

std::optional<std::string> to_ascii_name(std::string_view name) {
  std::string result;
  for (std::size_t start = 0; start <= name.size();) {
    const auto dot = std::min(name.find('.', start), name.size());
    const auto label = name.substr(start, dot - start);
    const bool is_ascii = std::ranges::all_of(label, [](char c) { return static_cast<std::uint8_t>(c) < 0x80; });
    if (label.size() > 4 * kMaxAsciiLabel) return std::nullopt;
    if (start > 0) result += '.';
    if (is_ascii) {
      result += label;
    } else {
      const auto codes = codes_of(label);
      if (!codes) return std::nullopt;
      result += "xn--" + punycode(*codes);
    }
    start = dot + 1;
  }
  return result;
}

}  // namespace adit::config
