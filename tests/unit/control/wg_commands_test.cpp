// SPDX-License-Identifier: MIT
#include "control/wg_commands.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "recorded_log.h"
#include "support.h"

namespace adit::control {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// A link whose changes are only noted down.
class WgCommandsTest : public ::testing::Test {
 protected:
  WgCommandsTest() {
    config_.name = "office";
    config_.file = "/etc/adit/office.yaml";
    config_.peer.public_key = crypto::public_key_of(crypto::generate_private_key(random_));
    tunnel::Settings settings{.private_key = crypto::generate_private_key(random_)};
    settings.peer_key = config_.peer.public_key;
    tunnel_ = std::move(tunnel::Tunnel::make(std::move(settings), random_, clock_).value());
  }
  Result<> change(const config::Config& next, const link::Edit& edit) {
    if (refusal_) return std::unexpected(*refusal_);
    port_ = next.local.listen.port;
    edits_.push_back(edit.keys());
    return {};
  }

  test::SeededRandom random_{4};
  test::SettableWallClock clock_;
  test::RecordedLog log_;
  config::Config config_;
  std::unique_ptr<tunnel::Tunnel> tunnel_;
  std::optional<Error> refusal_;
  std::uint16_t port_ = 0;
  std::vector<std::vector<std::string>> edits_;
  WgCommands commands_{{.config = config_,
                        .random = random_,
                        .log = log_,
                        .tunnel = [this]() -> const tunnel::Tunnel& { return *tunnel_; },
                        .port = [] { return std::uint16_t{51820}; },
                        .change = [this](config::Config& next, const link::Edit& edit) { return change(next, edit); }}};
};

TEST_F(WgCommandsTest, ASetIsOneEditWhoseKeysAreRememberedUntilTheFileIsInForceAgain) {
  EXPECT_EQ(commands_.answer("set=1\nlisten_port=4000\n"), "errno=0");
  EXPECT_EQ(port_, 4000);
  EXPECT_THAT(edits_, ElementsAre(ElementsAre("local.listen")));
  EXPECT_THAT(commands_.changed(), ElementsAre("local.listen"));
  commands_.forget_changes(false);
  EXPECT_THAT(commands_.changed(), IsEmpty());
}

TEST_F(WgCommandsTest, ASetOfWhatIsSoAlreadyChangesNothing) {
  EXPECT_EQ(commands_.answer("set=1\nlisten_port=51820\n"), "errno=0");
  EXPECT_THAT(edits_, IsEmpty());
}

TEST_F(WgCommandsTest, AChangeThatFailsIsRefusedWithANumberForWgAndASentenceInTheLog) {
  refusal_ = Error{"port 4000 is taken"};
  EXPECT_EQ(commands_.answer("set=1\nlisten_port=4000\n"), "errno=-98") << "EADDRINUSE";
  EXPECT_THAT(log_.text(), HasSubstr("port 4000 is taken; nothing was changed"));
  EXPECT_THAT(commands_.changed(), IsEmpty());
}

TEST_F(WgCommandsTest, WithoutAFileThereIsNothingToDifferFrom) {
  config_.file.clear();
  EXPECT_EQ(commands_.answer("set=1\nlisten_port=4000\n"), "errno=0");
  EXPECT_EQ(edits_.size(), 1U);
  EXPECT_THAT(commands_.changed(), IsEmpty());
}

TEST_F(WgCommandsTest, AGetShowsThePortThatIsReallyUsedAndGarbageIsRefused) {
  EXPECT_THAT(commands_.answer("get=1\n"), HasSubstr("listen_port=51820\n"));
  EXPECT_THAT(commands_.answer("launch=1\n"), HasSubstr("errno=-"));
}

}  // namespace
}  // namespace adit::control
