// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/command_line.h"

namespace adit::cli {
namespace {

TEST(Run, ReportsWrongUsageWithStatus2) {
  for (const auto& arguments : std::vector<std::vector<std::string>>{{},
                                                                     {"gnekey"},
                                                                     {"genkey", "x"},
                                                                     {"--nonsense"},
                                                                     {"check"},
                                                                     {"pair", "a=b"},
                                                                     {"pair", "a=b", "c=d", "e=f"},
                                                                     {"genkey", "genpsk"}}) {
    const auto outcome = adit(arguments);
    EXPECT_EQ(outcome.status, kWrongUsage) << testing::PrintToString(arguments);
    EXPECT_EQ(outcome.out, "");
    EXPECT_NE(outcome.err, "");
  }
}

TEST(Run, HelpsWithStatus0) {
  const auto help = adit({"--help"});
  EXPECT_EQ(help.status, kDone);
  for (const auto* command : {"genkey", "pubkey", "genpsk", "pair", "check"})
    EXPECT_NE(help.out.find(command), std::string::npos);
  EXPECT_EQ(adit({"pair", "--help"}).status, kDone);
  const auto version = adit({"--version"});
  EXPECT_EQ(version.status, kDone);
  EXPECT_THAT(version.out,
              ::testing::MatchesRegex("adit [0-9.]+( \\(commit [0-9a-f]+\\))?\nlibsodium [0-9.]+, libb2 [0-9.]+"
                                      "(, libipsec-mb [0-9.]+)?(, libcrypto [0-9.]+)?\n"));
}

TEST(Run, FailsIfTheOutputGoesNowhere) {
  for (const char* const wish : {"genkey", "--help", "--version"}) {
    std::ofstream full("/dev/full");
    std::istringstream in;
    std::ostringstream err;
    SeededRandom random;
    Context context{in, full, err, random};
    const char* const argv[] = {"adit", wish};
    EXPECT_EQ(run(2, argv, context), kFailed) << wish;
    EXPECT_NE(err.str().find("cannot write to standard output"), std::string::npos) << wish;
  }
}

}  // namespace
}  // namespace adit::cli
