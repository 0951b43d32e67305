// SPDX-License-Identifier: MIT
// A text as a QR code (ISO/IEC 18004), drawn in a terminal for a camera to read. Knows nothing of keys.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace adit::cli {

/// The picture with the quiet zone around it, row by row; true is dark.
using QrPicture = std::vector<std::vector<bool>>;

Result<QrPicture> encode_qr(std::string_view text);

enum class QrStyle : std::uint8_t {
  half_blocks,  ///< two rows of the picture in a line, by characters that only UTF-8 has
  spaces,       ///< by coloured spaces, twice as large
};

/// Lines that say their colours, so that the terminal's own do not matter.
std::string draw_qr(const QrPicture& picture, QrStyle style);

/// How many columns and lines the drawing takes.
struct QrSize {
  std::size_t columns = 0;
  std::size_t lines = 0;
};
QrSize size_of(const QrPicture& picture, QrStyle style);

}  // namespace adit::cli
