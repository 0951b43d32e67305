// SPDX-License-Identifier: MIT
#include "config/idn.h"

#include <gtest/gtest.h>

namespace adit::config {
namespace {

TEST(Idn, NamesBecomeWhatNameServersAreAskedFor) {
  // The right-hand sides are libidn2's (idn2 --lookup).
  EXPECT_EQ(to_ascii_name("bücher.example"), "xn--bcher-kva.example");
  EXPECT_EQ(to_ascii_name("Bücher.example"), "xn--bcher-kva.example");
  EXPECT_EQ(to_ascii_name("BÜCHER.example"), "xn--bcher-kva.example");
  EXPECT_EQ(to_ascii_name("münchen.de"), "xn--mnchen-3ya.de");
  EXPECT_EQ(to_ascii_name("straße.example"), "xn--strae-oqa.example");
  EXPECT_EQ(to_ascii_name("пример.испытание"), "xn--e1afmkfd.xn--80akhbyknj4f");
  EXPECT_EQ(to_ascii_name("例え.テスト"), "xn--r8jz45g.xn--zckzah");
  EXPECT_EQ(to_ascii_name("παράδειγμα.δοκιμή"), "xn--hxajbheg2az3al.xn--jxalpdlp");
  EXPECT_EQ(to_ascii_name("vpn.example.net."), "vpn.example.net.");
  EXPECT_EQ(to_ascii_name(""), "");
}

TEST(Idn, WhatIsNoNameIsNone) {
  EXPECT_EQ(to_ascii_name("e\xcc\x81.example"), std::nullopt) << "an accent of its own";
  EXPECT_EQ(to_ascii_name("a\xc2\xa0"
                          "b"),
            std::nullopt)
      << "a no-break space";
  EXPECT_EQ(to_ascii_name("a\xe2\x80\x8b"
                          "b"),
            std::nullopt)
      << "a zero-width space";
  EXPECT_EQ(to_ascii_name("\xff"), std::nullopt);
}

}  // namespace
}  // namespace adit::config
