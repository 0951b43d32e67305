// SPDX-License-Identifier: MIT
#include "service/turn_file.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <expected>
#include <string_view>

#include "base/file_descriptor.h"
#include "crypto/blake2s.h"

namespace adit::service {
namespace {

constexpr std::size_t kLongestTurn = 512;
constexpr std::size_t kChecksumBytes = 8;

/// The file, or errno.
std::expected<std::string, int> read_turn(const std::filesystem::path& path) {
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file) return std::unexpected(errno);
  std::string text(kLongestTurn, '\0');
  const auto size = ::read(file.get(), text.data(), text.size());
  if (size < 0) return std::unexpected(errno);
  text.resize(static_cast<std::size_t>(size));
  return text;
}

/// With the number in it. Against what a power cut leaves, not against anybody who writes there.
std::string checksum_of(std::string_view text) {
  const auto hash = crypto::blake2s({as_bytes(text)});
  std::string hex;
  for (const auto byte : std::span(hash).first<kChecksumBytes>()) hex += fmt::format("{:02x}", byte);
  return hex;
}

struct Whole {
  std::string line;
  std::uint64_t number = 0;
  bool checked = false;
};

/// None: damaged.
std::optional<Whole> parse(std::string_view text) {
  if (text.ends_with('\n')) text.remove_suffix(1);
  const auto mark = text.rfind(" #");
  if (mark == std::string_view::npos) return Whole{.line = std::string(text)};
  const auto rest = text.substr(mark + 2);
  const auto space = rest.find(' ');
  if (space == std::string_view::npos) return std::nullopt;
  Whole whole{.line = std::string(text.substr(0, mark)), .checked = true};
  const auto* const begin = &rest.front();
  const auto [end, error] = std::from_chars(begin, begin + space, whole.number);
  if (error != std::errc() || end != begin + space) return std::nullopt;
  if (rest.substr(space + 1) != checksum_of(text.substr(0, mark + 2 + space))) return std::nullopt;
  return whole;
}

}  // namespace

TurnFile::TurnFile(const std::filesystem::path& path) : files_{path, path} {
  files_[1] += ".2";
}

TurnFile::Content TurnFile::read() {
  Content content;
  std::array<std::optional<Whole>, 2> found;
  for (std::size_t i = 0; i < files_.size(); ++i) {
    const auto text = read_turn(files_[i]);
    if (text) found[i] = parse(*text);
    if (!text && text.error() != ENOENT) content.error = text.error();
    content.damaged = content.damaged || (text && !found[i]);
  }
  // An earlier release had the first file alone, which is written anew in our second turn.
  const bool cut_short = found[0] && found[1] && !found[0]->checked && found[1]->number > 1;
  for (const std::size_t i : {std::size_t{0}, std::size_t{1}}) {
    if (!found[i] || found[i]->checked || (i == 0 && !cut_short)) continue;
    found[i].reset();
    content.damaged = true;
  }
  turn_ = 1;
  if (found[0] && (!found[1] || found[0]->number > found[1]->number)) turn_ = 0;
  number_ = found[turn_] ? found[turn_]->number : 0;
  if (found[turn_]) content.line = std::move(found[turn_]->line);
  content.checked = found[turn_] && found[turn_]->checked;
  return content;
}

TurnFile::Turn TurnFile::next(const std::string& line) {
  turn_ = 1 - turn_;
  auto text = fmt::format("{} #{}", line, ++number_);
  text += ' ' + checksum_of(text) + '\n';
  return {files_[turn_], std::move(text)};
}

}  // namespace adit::service
