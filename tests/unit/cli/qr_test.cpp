// SPDX-License-Identifier: MIT
// That a camera can read it is tested with a decoder, in tests/netns/test_wg_quick.py.
#include "cli/qr.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace adit::cli {
namespace {

TEST(Qr, HasAQuietZoneAroundIt) {
  const auto picture = encode_qr("adit");
  ASSERT_TRUE(picture);
  ASSERT_EQ(picture->size(), 21 + 8);
  for (std::size_t i = 0; i < picture->size(); ++i) {
    for (const std::size_t edge : {0, 1, 2, 3, 25, 26, 27, 28}) {
      EXPECT_FALSE((*picture)[edge][i]);
      EXPECT_FALSE((*picture)[i][edge]);
    }
  }
  EXPECT_TRUE((*picture)[4][4]);
}

TEST(Qr, SaysSoIfTheTextIsTooLong) {
  EXPECT_TRUE(encode_qr(std::string(2953, 'a')));
  const auto picture = encode_qr(std::string(2954, 'a'));
  ASSERT_FALSE(picture);
  EXPECT_NE(picture.error().message.find("2954 bytes are too many"), std::string::npos);
}

TEST(Qr, IsDrawnInBlocksOrInSpaces) {
  const QrPicture picture{{true, false}, {true, true}, {false, true}};
  EXPECT_EQ(draw_qr(picture, QrStyle::half_blocks),
            "\x1b[38;5;16;48;5;231m█▄\x1b[0m\n\x1b[38;5;16;48;5;231m ▀\x1b[0m\n");
  const auto spaces = draw_qr({{true, false}}, QrStyle::spaces);
  EXPECT_EQ(spaces, "\x1b[48;5;16m  \x1b[48;5;231m  \x1b[0m\n");
  EXPECT_EQ(size_of(*encode_qr("adit"), QrStyle::half_blocks).columns, 29);
  EXPECT_EQ(size_of(*encode_qr("adit"), QrStyle::half_blocks).lines, 15);
  EXPECT_EQ(size_of(*encode_qr("adit"), QrStyle::spaces).columns, 58);
}

}  // namespace
}  // namespace adit::cli
