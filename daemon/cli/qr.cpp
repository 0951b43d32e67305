// SPDX-License-Identifier: MIT
#include "cli/qr.h"

#include <qrencode.h>

#include <cerrno>
#include <memory>
#include <system_error>

namespace adit::cli {
namespace {

constexpr std::size_t kQuietZone = 4;  // ISO/IEC 18004 §9.1

// The two of the 256 colours that no theme changes.
constexpr std::string_view kDarkOnLight = "\x1b[38;5;16;48;5;231m";
constexpr std::string_view kDarkBackground = "\x1b[48;5;16m";
constexpr std::string_view kLightBackground = "\x1b[48;5;231m";
constexpr std::string_view kPlain = "\x1b[0m";

/// Rows `upper` and the one below it as one line.
std::string half_block_line(const QrPicture& picture, std::size_t upper) {
  static constexpr std::string_view kBlocks[2][2] = {{" ", "▄"}, {"▀", "█"}};
  std::string line(kDarkOnLight);
  for (std::size_t x = 0; x < picture[upper].size(); ++x) {
    const bool lower = upper + 1 < picture.size() && picture[upper + 1][x];
    line += kBlocks[picture[upper][x] ? 1 : 0][lower ? 1 : 0];
  }
  return line.append(kPlain) + "\n";
}

std::string space_line(const std::vector<bool>& row) {
  std::string line;
  for (const bool dark : row) line.append(dark ? kDarkBackground : kLightBackground).append("  ");
  return line.append(kPlain) + "\n";
}

}  // namespace

Result<QrPicture> encode_qr(std::string_view text) {
  const auto* const bytes = reinterpret_cast<const unsigned char*>(text.data());  // NOLINT(*-reinterpret-cast)
  const std::unique_ptr<QRcode, decltype(&QRcode_free)> code(
      QRcode_encodeData(static_cast<int>(text.size()), bytes, 0, QR_ECLEVEL_L), QRcode_free);
  if (!code && errno == ERANGE) {
    return fail("{} bytes are too many for a QR code, which holds 2953; name fewer subnets", text.size());
  }
  if (!code) return fail("cannot be made into a QR code: {}", std::generic_category().message(errno));
  const auto width = static_cast<std::size_t>(code->width);
  QrPicture picture(width + 2 * kQuietZone, std::vector<bool>(width + 2 * kQuietZone, false));
  for (std::size_t y = 0; y < width; ++y) {
    for (std::size_t x = 0; x < width; ++x) {
      picture[y + kQuietZone][x + kQuietZone] = (code->data[y * width + x] & 1) != 0;
    }
  }
  return picture;
}

std::string draw_qr(const QrPicture& picture, QrStyle style) {
  std::string drawing;
  if (style == QrStyle::spaces) {
    for (const auto& row : picture) drawing += space_line(row);
  } else {
    for (std::size_t y = 0; y < picture.size(); y += 2) drawing += half_block_line(picture, y);
  }
  return drawing;
}

QrSize size_of(const QrPicture& picture, QrStyle style) {
  if (style == QrStyle::spaces) return {2 * picture.size(), picture.size()};
  return {picture.size(), (picture.size() + 1) / 2};
}

}  // namespace adit::cli
