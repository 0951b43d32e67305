// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>

#include "cli/command_line.h"

namespace adit::cli {
namespace {

constexpr auto kGood = R"(interface:
  addresses: [10.9.0.1/30]
local:
  private_key: 2BO4c0XAbZUVu1qN0kaKiU1qWA9F4692YrMi0aIpx1Q=
peer:
  public_key: rpvIuiqU85fsmv4kvk55KkS3/jEfjtozVrHa5QdAXE4=
)";

TEST(Check, SaysOkOfAFileWithoutProblems) {
  const Folder folder;
  const auto file = folder.write("good.yaml", kGood);
  const auto outcome = adit({"check", file});
  EXPECT_EQ(outcome.status, kDone);
  EXPECT_EQ(outcome.out, file + ": ok\n");
  EXPECT_EQ(outcome.err, "");
}

TEST(Check, PrintsEveryProblemOfEveryFile) {
  const Folder folder;
  const auto good = folder.write("good.yaml", kGood);
  const auto bad = folder.write("bad.yaml", "interface:\n  adresses: []\nlocal: {listen: x}\n");
  const auto none = folder / "none.yaml";
  const auto outcome = adit({"check", bad, good, none});
  EXPECT_EQ(outcome.status, kInvalidConfig);
  EXPECT_EQ(outcome.err, "");
  std::istringstream lines(outcome.out);
  std::vector<std::string> starts;
  for (std::string line; std::getline(lines, line);)
    starts.push_back(line.substr(0, line.find(": ", line.find(": ") + 1)));
  EXPECT_EQ(starts,
            (std::vector<std::string>{bad + ":1:1: interface.addresses", bad + ":1:1: peer",
                                      bad + ":2:3: interface.adresses", bad + ":3:1: local.private_key_file",
                                      bad + ":3:17: local.listen", good + ": ok", none + ": cannot be opened"}));
}

TEST(Check, PrintsWarningsAndStillSaysOk) {
  const Folder folder;
  const auto file =
      folder.write("warn.yaml", std::string(kGood) + "  allowed_ips: [10.9.0.0/30]\nroutes: [10.1.0.0/16]\n");
  const auto outcome = adit({"check", file});
  EXPECT_EQ(outcome.status, kDone);
  EXPECT_EQ(outcome.out.find(file + ":8:10: routes[0]: warning: "), 0) << outcome.out;
  EXPECT_NE(outcome.out.find(file + ": ok\n"), std::string::npos);
}

}  // namespace
}  // namespace adit::cli
