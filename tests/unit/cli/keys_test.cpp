// SPDX-License-Identifier: MIT
// adit genkey, genpsk and pubkey.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/file_descriptor.h"
#include "cli/command_line.h"
#include "crypto/keys.h"

namespace adit::cli {
namespace {

TEST(Genkey, PrintsAnotherKeyEachTime) {
  const auto first = adit({"genkey"});
  EXPECT_EQ(first.status, kDone);
  EXPECT_EQ(first.err, "");
  ASSERT_EQ(first.out.size(), crypto::kKeyTextSize + 1);
  EXPECT_TRUE(crypto::parse_private_key(first.out.substr(0, crypto::kKeyTextSize)));
  EXPECT_NE(adit({"genkey"}).out, first.out);
}

TEST(Genpsk, PrintsAnotherKeyEachTime) {
  const auto first = adit({"genpsk"});
  EXPECT_EQ(first.status, kDone);
  ASSERT_EQ(first.out.size(), crypto::kKeyTextSize + 1);
  EXPECT_TRUE(crypto::parse_preshared_key(first.out.substr(0, crypto::kKeyTextSize)));
  EXPECT_NE(adit({"genpsk"}).out, first.out);
}

TEST(Genkey, WarnsOfAnOutputFileThatOthersCanRead) {
  const Folder folder;
  for (const auto& [mode, warns] : {std::pair(0644, true), {0640, true}, {0604, true}, {0600, false}}) {
    const auto name = folder / std::to_string(mode);
    const FileDescriptor fd(::open(name.c_str(), O_WRONLY | O_CREAT, 0600));
    ASSERT_EQ(::fchmod(fd.get(), static_cast<mode_t>(mode)), 0);
    for (const auto* command : {"genkey", "genpsk"}) {
      const auto outcome = adit({command}, "", fd.get());
      EXPECT_EQ(outcome.status, kDone);
      EXPECT_EQ(outcome.err.find("chmod 600") != std::string::npos, warns) << command << " " << mode;
    }
  }
  const FileDescriptor device(::open("/dev/null", O_WRONLY));
  EXPECT_EQ(adit({"genkey"}, "", device.get()).err, "");
}

TEST(Pubkey, BelongsToThePrivateKeyOnStandardInput) {
  // RFC 7748 §6.1: Alice's keys.
  const std::string private_key = "dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCo=";
  const std::string public_key = "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=\n";
  for (const auto* ending : {"", "\n", "\r\n"}) {
    const auto outcome = adit({"pubkey"}, private_key + ending);
    EXPECT_EQ(outcome.status, kDone) << outcome.err;
    EXPECT_EQ(outcome.out, public_key);
  }
}

TEST(Pubkey, RefusesWhatIsNoKeyWithoutRepeatingIt) {
  const std::string almost = "dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LC";
  for (const auto& input : {std::string(), almost, almost + "o=\n\n",
                            almost + "o= ", " " + almost + "o=", almost + "p=", std::string(100'000, 'A')}) {
    const auto outcome = adit({"pubkey"}, input);
    EXPECT_EQ(outcome.status, kFailed) << input.substr(0, 60);
    EXPECT_EQ(outcome.out, "");
    EXPECT_EQ(outcome.err.find("adit pubkey: the private key on standard input is "), 0) << outcome.err;
    EXPECT_EQ(outcome.err.find(almost.substr(0, 8)), std::string::npos);
  }
}

}  // namespace
}  // namespace adit::cli
