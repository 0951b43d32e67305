// SPDX-License-Identifier: MIT
#include "service/logging.h"

#include <gtest/gtest.h>

namespace adit::service {
namespace {

TEST(Logging, BeginsWithWhatTheFileWantsLogged) {
  config::Config config;
  config.name = "office";
  config.log_level = config::LogLevel::error;
  EXPECT_FALSE(make_log(config).log->wants(Severity::warn));
  config.log_level = config::LogLevel::trace;
  EXPECT_TRUE(make_log(config).log->wants(Severity::trace));
}

}  // namespace
}  // namespace adit::service
