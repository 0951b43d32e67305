// SPDX-License-Identifier: MIT
// What must come of a file's text: every problem that reading it is to report, in order, and no other; or a Config.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/folder.h"

namespace adit::config {

struct Expected {
  std::string_view where;  ///< "2:15: interface.mtu", up to the reason
  std::string reason;      ///< a part of it
};

inline void expect_problems(const Folder& folder, const std::string& text, const std::vector<Expected>& expected) {
  SCOPED_TRACE(text.substr(0, 1000));
  const auto problems = folder.problems(text);
  std::string all;
  for (const auto& problem : problems) all += problem + "\n";
  ASSERT_EQ(problems.size(), expected.size()) << all;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const auto start = fmt::format("link.yaml:{}: ", expected[i].where);
    EXPECT_EQ(problems[i].substr(0, start.size()), start) << all;
    EXPECT_NE(problems[i].find(expected[i].reason, start.size()), std::string::npos)
        << "wanted: " << expected[i].reason << "\n"
        << all;
  }
  EXPECT_EQ(all.find(kOurPrivateKey), std::string::npos) << "a secret in the message";
  EXPECT_EQ(all.find(kPresharedKey), std::string::npos) << "a secret in the message";
}

/// Reads `text`, which must be valid.
inline Config expect_valid(const Folder& folder, const std::string& text) {
  auto config = folder.read(text);
  if (config) return std::move(*config);
  ADD_FAILURE() << folder.texts(config)[0];
  return {};
}

}  // namespace adit::config
